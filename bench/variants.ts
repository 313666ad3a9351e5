// The systems that a row can run against. A variant that needs a program from outside the repository is there when the
// environment names it: PEAL_SPREAD_DIR the place of a real Spread (sbin/spread), PEAL_NATS a nats-server program.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkName } from '../test/e2e/processes.js';
import { type Cluster, startNats, startPeal, startSpread } from './cluster.js';

export interface ClusterShape {
  readonly daemons: number;
  /** Largest message of the daemon and the binary API; default: theirs. */
  readonly largest: string | undefined;
}

export interface Variant {
  readonly what: string;
  /** Or another system, with which it is compared. */
  readonly ours: boolean;
  /** Is it there on this machine? */
  available(): boolean;
  start(shape: ClusterShape): Promise<Cluster>;
}

const spreadPlace = process.env['PEAL_SPREAD_DIR'];
const natsServer = process.env['PEAL_NATS'];
/** Three times Spread's defaults of 160, 20 and 15 and more: what its manual suggests for fast networks. */
const TUNED = ['Window = 800', 'PersonalWindow = 200', 'AcceleratedWindow = 150'];

function peal(link: LinkName, name: string, lines: readonly string[], what: string): Variant {
  return {
    what,
    ours: true,
    available: () => true,
    start: ({ daemons, largest }) => startPeal(link, { daemons, largest, medium: lines, name }),
  };
}

function spread(name: string, lines: readonly string[], what: string): Variant {
  return {
    what,
    ours: false,
    available: () => spreadPlace !== undefined,
    start: ({ daemons }) => startSpread(spreadPlace!, lines, daemons, name),
  };
}

export const VARIANTS = {
  tcp: peal('tcp', 'tcp', [], 'ours, [link.tcp] with its defaults'),
  ring: peal('ring', 'ring', [], 'ours, [link.ring] with its defaults: probed datagram sizes, 60 KB on loopback'),
  'ring-1472': peal(
    'ring',
    'ring-1472',
    ['datagram_bytes = 1472'],
    'ours, [link.ring] over [link.udp] with datagram_bytes = 1472',
  ),
  'ring-8972': peal(
    'ring',
    'ring-8972',
    ['datagram_bytes = 8972'],
    'ours, [link.ring] over [link.udp] with datagram_bytes = 8972 (jumbo)',
  ),
  spread: spread('spread', [], 'real Spread, default windows of 160/20/15'),
  'spread-800': spread('spread-800', TUNED, 'real Spread, windows of 800/200/150'),
  nats: {
    what: 'three NATS servers, all routed to each other; no order between senders',
    ours: false,
    available: () => natsServer !== undefined,
    start: ({ daemons }: ClusterShape) => startNats(natsServer!, daemons),
  },
} as const satisfies Record<string, Variant>;

export type VariantName = keyof typeof VARIANTS;

/** Places that the environment names and where the program is not; one line each. */
export function wrongPlaces(): string[] {
  const programs = [
    ['PEAL_SPREAD_DIR', spreadPlace, 'sbin/spread'],
    ['PEAL_NATS', natsServer, ''],
  ] as const;
  return programs.flatMap(([name, place, program]) =>
    place === undefined || (place !== '' && existsSync(join(place, program)))
      ? []
      : [`${name}=${place}: no ${program || 'program'} is there; set it to where it is, or unset it`],
  );
}
