// The ring against the link suite, over datagrams and over streams.
import { describe, expect, test } from '@jest/globals';
import { linkCompliance } from 'peal/compliance';
import { createRing } from '../machine.js';

linkCompliance({ describe, test, expect }, { name: 'ring', media: ['datagram', 'stream'], create: () => createRing() });
