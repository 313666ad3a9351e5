// The udp medium against the medium suite: with a copy for each, with multicast on loopback, and under faults.
import { describe, expect, test } from '@jest/globals';
import { mediumCompliance } from '../../../test/compliance/medium.js';
import { UdpMedium } from '../medium.js';
import { freeAddresses, freeGroup, timers, udpOptions } from './world.js';

mediumCompliance(
  { describe, test, expect },
  {
    name: 'udp',
    addresses: freeAddresses,
    create: (list) => new UdpMedium(udpOptions(), list, timers),
  },
);

const group = await freeGroup();
mediumCompliance(
  { describe, test, expect },
  {
    name: 'udp with multicast',
    addresses: freeAddresses,
    create: (list) => new UdpMedium({ ...udpOptions(), multicast: group }, list, timers),
  },
);
