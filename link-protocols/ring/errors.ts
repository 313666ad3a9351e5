// Coded errors of [link.ring].
import { errorTable } from 'peal/plugin';

export const RING_ERRORS = errorTable('LINK_RING', {
  TOO_MANY: [
    'the daemon list has {count} daemons, a ring takes {limit}: the token of more fits no datagram',
    'use [link.tcp], or divide the daemons among several clusters',
  ],
});
