// The options of [link.ring].
import type { OptionTable } from 'peal/plugin';
import { WINDOW_BYTES } from './limits.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export const options = {
  over: {
    type: 'string',
    default: 'udp',
    doc: 'The medium it runs over.',
  },
  window_bytes: {
    type: 'bytes',
    default: WINDOW_BYTES,
    min: 8 * KIB,
    max: 64 * MIB,
    doc: 'Bytes that all daemons together send in one rotation of the token; keep it under the smallest receive buffer.',
  },
  accelerated_bytes: {
    type: 'bytes',
    default: WINDOW_BYTES / 2,
    max: 64 * MIB,
    doc: 'Of these, bytes that a daemon sends after it has passed the token on; 0: everything leaves before the token.',
  },
} as const satisfies OptionTable;
