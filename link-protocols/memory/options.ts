// The options of [link.memory].
import type { OptionTable } from 'peal/plugin';

const KIB = 1024;

export const options = {
  hub: {
    type: 'string',
    default: 'default',
    maxLength: 64,
    doc: 'Daemons of this process with the same hub reach each other.',
  },
  max_message_bytes: {
    type: 'bytes',
    default: 64 * KIB,
    min: 2 * KIB,
    max: 1024 * KIB,
    doc: 'Largest message between two daemons; all of a hub must have the same.',
  },
  queue_bytes: {
    type: 'bytes',
    default: 16 * 1024 * KIB,
    min: 128 * KIB,
    doc: 'What may wait for one peer on each plane before senders are told to wait.',
  },
} as const satisfies OptionTable;
