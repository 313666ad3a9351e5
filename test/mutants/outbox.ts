// Planted bugs of the outbox: packs before they are numbered (docs/design/order.md).
import { planted } from './mutant.js';

const FILE = 'outbox/outbox.ts';

export const OUTBOX = planted('outbox', [
  [
    'numbered-pack-sent-again',
    'what was numbered is not sent in the next configuration',
    FILE,
    ['const old = this.#queue.slice(this.#head);', 'const old = this.#queue.slice(Math.max(0, this.#head - 1));'],
  ],
  [
    'half-sent-message-dropped',
    'a message whose last piece was not numbered goes whole into the next configuration',
    FILE,
    [
      'for (const item of old) if (frames',
      "for (const item of old) if ((item.kind === 'frames' || item.at === 0) && frames",
    ],
  ],
  [
    'safe-mark-of-a-kept-run-lost',
    'a run that is kept where it is says where its first SAFE frame is',
    FILE,
    ['safeAt = to - from;', 'safeAt = -1;'],
  ],
  [
    'kept-run-overtaken',
    'what comes after a run that was kept does not join the pack before it',
    FILE,
    ['number {\n    this.#close();\n    let to', 'number {\n    let to'],
  ],
  [
    'run-kept-that-does-not-last',
    'only what lasts is kept where it is',
    FILE,
    ['const least = lasting && ', 'const least = '],
  ],
  ['safe-mark-misplaced', 'a pack says where its first SAFE frame is', FILE, ['= used + safe;', '= used + safe + 1;']],
  [
    'safe-mark-of-later-runs-lost',
    'a SAFE frame added to an open pack marks it',
    FILE,
    ['if (safe >= 0 && open.safeAt < 0)', 'if (safe >= 0 && used === 0)'],
  ],
  [
    'safe-piece-unmarked',
    'the last piece of a SAFE message is marked',
    FILE,
    ['safeAt: last && item.safe ? 0 : -1', 'safeAt: -1'],
  ],
  [
    'slab-used-again',
    'memory that was handed over is never written again',
    FILE,
    [
      'this.#slab = this.ports.allocate(Math.max(SLAB_BYTES, this.#limit));',
      'if (this.#slab.length < this.#limit) this.#slab = this.ports.allocate(this.#limit);',
    ],
  ],
  ['taken-pack-grows', 'a pack that was taken is closed', FILE, ['if (item === this.#open) this.#close();', '']],
  [
    'safe-mark-of-the-last-run',
    'a pack is marked at its first SAFE frame, whichever run brought it',
    FILE,
    ['if (safe >= 0 && open.safeAt < 0)', 'if (safe >= 0)'],
  ],
  [
    'same-limit-nothing-begins-again',
    'a large frame half taken begins again, though the pack limit stays',
    FILE,
    [
      'const frames: Bytes[] = [];',
      'if (packing.bytes === this.#limit && unsent.length === 0) {\n      this.#state = [];\n      return;\n    }\n    const frames: Bytes[] = [];',
    ],
  ],
  [
    'safe-forgotten-over-a-change',
    'what waits over a change stays SAFE',
    FILE,
    [
      'for (const frame of frames) this.add(frame);',
      "for (const frame of frames) this.add(frame);\n    for (const item of this.#queue) if (item.kind === 'frames') item.safeAt = -1;",
    ],
  ],
  [
    'safe-mark-on-the-first-piece',
    'a large SAFE message is marked where it is delivered, at its last piece',
    FILE,
    ['safeAt: last && item.safe ? 0 : -1', 'safeAt: item.at === part.length && item.safe ? 0 : -1'],
  ],
]);
