// Addresses for tests of media with ports: the system chooses the ports.
import { createServer, type AddressInfo } from 'node:net';
import type { Address } from 'peal/plugin';

/** A loopback address of this process's own, so that runs beside each other never meet. */
export const HOST = `127.${1 + ((process.pid >> 14) & 0x7f)}.${(process.pid >> 7) & 0x7f}.${1 + (process.pid & 0x7f)}`;

export async function freeAddresses(count: number): Promise<readonly Address[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
      return server;
    }),
  );
  const list = servers.map((server, place) => ({
    name: ['alpha', 'beta', 'gamma', 'delta', 'epsilon'][place] ?? `daemon${place}`,
    host: HOST,
    port: (server.address() as AddressInfo).port,
    place,
  }));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return list;
}
