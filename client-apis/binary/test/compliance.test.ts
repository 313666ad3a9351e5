// The binary API against the suite of its kind, by TCP and by Unix socket, and with each way of cutting what it sends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { clientCompliance } from '../../../test/compliance/client.js';
import binary from '../index.js';
import { partsFor } from './compliance.setup.js';
import { tcpPort } from './wire-client.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-binary-'));
afterAll(() => rmSync(folder, { recursive: true }));

for (const [name, where] of [
  ['binary by TCP', tcpPort],
  ['binary by Unix socket', () => join(folder, 'socket')],
] as const)
  clientCompliance({ describe, test, expect }, { name, plugin: binary, ...partsFor(where, folder) });
