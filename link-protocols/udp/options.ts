// The options of [link.udp].
import type { OptionTable } from 'peal/plugin';
import { MAX_DATAGRAM_BYTES } from './wire.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export const options = {
  datagram_bytes: {
    type: 'bytes',
    default: 0,
    min: 0,
    max: MAX_DATAGRAM_BYTES,
    doc: 'Largest datagram, e.g. 1472, 8972 or 61440; 0: what acknowledged probes show to get through, path by path.',
  },
  receive_buffer_bytes: {
    type: 'bytes',
    default: 4 * MIB,
    min: 64 * KIB,
    doc: 'Receive buffer asked of the system for each socket; status shows what it gave.',
  },
  send_buffer_bytes: {
    type: 'bytes',
    default: MIB,
    min: 64 * KIB,
    doc: 'The same for sending.',
  },
  send_queue_bytes: {
    type: 'bytes',
    default: 4 * MIB,
    min: 64 * KIB,
    doc: 'What may wait in this process for one peer, when the system takes nothing, before senders are told to wait.',
  },
  multicast: {
    type: 'address',
    doc: 'Group of IP multicast for data to all, 239.X.Y.Z or 239.X.Y.Z:PORT; without it each peer gets its own copy.',
  },
  multicast_interface: {
    type: 'string',
    default: '',
    maxLength: 64,
    doc: 'Address of this machine whose network carries the group; empty: the address of the link.',
  },
  multicast_ttl: {
    type: 'int',
    unit: 'hops',
    default: 1,
    min: 0,
    max: 255,
    doc: 'Routers that a multicast datagram may pass, and one; 1 stays in the own network.',
  },
  multicast_loopback: {
    type: 'bool',
    default: true,
    doc: 'Daemons on this machine hear our multicast too.',
  },
  check_source: {
    type: 'bool',
    default: true,
    doc: 'Take datagrams only from the addresses and ports of the daemon list.',
  },
} as const satisfies OptionTable;
