// The mesh against the link suite, over datagrams and over streams.
import { describe, expect, test } from '@jest/globals';
import { createMesh } from '../../core/machine/mesh/index.js';
import { linkCompliance } from '../compliance/link.js';

linkCompliance(
  { describe, test, expect },
  { name: 'mesh', media: ['datagram', 'stream'], create: (facts) => createMesh({ stream: facts.stream }) },
);
