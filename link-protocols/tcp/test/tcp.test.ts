// The tcp medium against the medium suite.
import { describe, expect, test } from '@jest/globals';
import { mediumCompliance } from '../../../test/compliance/medium.js';
import { TcpMedium } from '../medium.js';
import { freeAddresses } from './ports.js';
import { tcpOptions, timers } from './timers.js';

mediumCompliance(
  { describe, test, expect },
  {
    name: 'tcp',
    tcpPort: true,
    addresses: freeAddresses,
    create: (list, { smallQueues }) =>
      new TcpMedium(tcpOptions(smallQueues ? 128 * 1024 : 16 * 1024 * 1024), list, timers),
  },
);
