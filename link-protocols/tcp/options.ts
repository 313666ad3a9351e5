// The options of [link.tcp].
import type { OptionTable } from 'peal/plugin';

const KIB = 1024;
const MIB = 1024 * KIB;

export const options = {
  max_message_bytes: {
    type: 'bytes',
    default: 192 * KIB,
    min: 2 * KIB,
    max: MIB,
    doc: 'Largest message between two daemons; packs fit into it, and all daemons must have the same.',
  },
  data_queue_bytes: {
    type: 'bytes',
    default: 16 * MIB,
    min: 128 * KIB,
    doc: 'What may wait for one peer on the data connection before senders are told to wait.',
  },
  control_queue_bytes: {
    type: 'bytes',
    default: 4 * MIB,
    min: 128 * KIB,
    doc: 'The same on the control connection.',
  },
  check_source: {
    type: 'bool',
    default: true,
    doc: 'Take connections only from the address that the daemon list has for that peer, and dial from our own.',
  },
} as const satisfies OptionTable;
