// What the suite of client APIs cannot know of the binary one: how to connect, and what garbage meets.
import { join } from 'node:path';
import type { ComplianceParts, ClientSetup, TestClient } from 'peal/compliance';
import { RawClient, tcpPort, WireClient } from './wire-client.js';
import type { Where } from './wire-client.js';

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

type Parts = Pick<ClientSetup, 'options' | 'connect' | 'slowReader'> & Required<Pick<ClientSetup, 'garbage'>>;

/** The parts for clients that come by that address, and for the Unix socket in that folder. */
export function partsFor(where: (addresses: readonly string[]) => Where, folder: string): Parts {
  return {
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

const parts: ComplianceParts<'client'> = ({ options, folder }) => {
  const found = partsFor(tcpPort, folder());
  return { ...found, options: { ...found.options, ...options } };
};
export default parts;
