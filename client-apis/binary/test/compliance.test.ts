// The binary API against the suite of its kind, by TCP and by Unix socket, and with each way of cutting what it sends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { clientCompliance } from '../../../test/compliance/client.js';
import type { ClientSetup, TestClient } from '../../../test/compliance/client.js';
import binary from '../index.js';
import { RawClient, WireClient, tcpPort } from './wire-client.js';
import type { Where } from './wire-client.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-binary-'));
afterAll(() => rmSync(folder, { recursive: true }));

function testClient(wire: WireClient): TestClient {
  return {
    privateGroup: wire.privateGroup,
    join: (group) => wire.join(group),
    leave: (group) => wire.leave(group),
    multicast: (groups, data) => wire.multicast(groups, data),
    next: () => wire.event(),
    stopReading: () => {
      wire.socket.pause();
    },
    close: async () => {
      await wire.kill();
      wire.destroy();
    },
  };
}

function setup(name: string, where: (addresses: readonly string[]) => Where): ClientSetup {
  return {
    name,
    plugin: binary,
    options: { port: '0', unix_socket: join(folder, 'socket'), max_session_messages: '20' },
    connect: async (api, user) => testClient(await WireClient.connect(where(api.addresses()), user)),
    garbage: async (api, bytes) => {
      const raw = await new RawClient(where(api.addresses())).connected();
      await raw.write(bytes);
      raw.socket.end();
      await raw.rest();
      raw.destroy();
    },
    slowReader: { messages: 500, dataBytes: 100_000 },
  };
}

clientCompliance({ describe, test, expect }, setup('binary by TCP', tcpPort));
clientCompliance(
  { describe, test, expect },
  setup('binary by Unix socket', () => join(folder, 'socket')),
);
