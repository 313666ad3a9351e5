// The options of [link.faulty]. The live ones are what `peal fault` changes.
import type { OptionTable } from 'peal/plugin';

const percent = { type: 'int', unit: '%', default: 0, min: 0, max: 100, live: true } as const;

export const options = {
  wraps: {
    type: 'string',
    required: true,
    doc: 'Name of the medium that is made worse, or of the link whose medium is.',
  },
  seed: {
    type: 'int',
    default: 0,
    min: 0,
    max: 0xffffffff,
    doc: 'Seed of the chances, for runs that can be repeated; 0 draws one, which status shows.',
  },
  loss_percent: { ...percent, doc: 'Chance that a message is lost; on a stream medium it comes late instead.' },
  double_percent: { ...percent, doc: 'Chance that a message comes twice; not on a stream medium.' },
  reorder_percent: { ...percent, doc: 'Chance that a message is overtaken by later ones; not on a stream medium.' },
  delay_ms: { type: 'duration', default: 0, max: 60_000, live: true, doc: 'Every message comes that much later.' },
  jitter_ms: { type: 'duration', default: 0, max: 60_000, live: true, doc: 'And by up to that much more, at random.' },
  cut_to: { type: 'list', default: [], live: true, doc: 'Daemons that nothing reaches from here.' },
  cut_from: { type: 'list', default: [], live: true, doc: 'Daemons from which nothing comes here.' },
  only: {
    type: 'list',
    default: [],
    live: true,
    doc: 'Loss, doubling, reordering and delay concern these peers; empty: all.',
  },
} as const satisfies OptionTable;
