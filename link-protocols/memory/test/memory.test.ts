// The memory medium against the medium suite.
import { describe, expect, test } from '@jest/globals';
import { mediumCompliance } from '../../../test/compliance/medium.js';
import { MemoryMedium } from '../medium.js';

let hubs = 0;

mediumCompliance(
  { describe, test, expect },
  {
    name: 'memory',
    addresses: (count) => {
      hubs++;
      const list = Array.from({ length: count }, (_, place) => ({
        name: `daemon${place}`,
        host: '127.0.0.1',
        port: 4800 + place,
        place,
      }));
      return Promise.resolve(list);
    },
    create: (_, { smallQueues }) =>
      new MemoryMedium({
        hub: `suite ${hubs}`,
        maxMessageBytes: 64 * 1024,
        queueBytes: smallQueues ? 128 * 1024 : 16 * 1024 * 1024,
      }),
  },
);
