// A binary API on sessions of a daemon that is nothing else, for tests with real sockets.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLoop, Sessions, Store } from '../../../core/plugin/index.js';
import { NodeLoop } from '../../../core/runtime/loop.js';
import { bind, buildPlugin } from '../../../test/compliance/build.js';
import { FakeSessions } from '../../../test/compliance/fake-sessions.js';
import type { BinaryApi } from '../api.js';
import binary from '../index.js';
import { RawClient, WireClient, tcpPort } from './wire-client.js';
import type { WireOptions } from './wire-client.js';

export interface World {
  readonly api: BinaryApi;
  readonly sessions: FakeSessions;
  readonly loop: NodeLoop;
  readonly lines: readonly string[];
  /** A folder of its own, removed at the end. */
  readonly folder: string;
  readonly port: number;
  raw(): Promise<RawClient>;
  connect(name: string, o?: WireOptions): Promise<WireClient>;
}

export type WorldOptions = Readonly<Record<string, string>>;

/** Runs `body` with a started API; options as in a file, TCP on a free port and no Unix socket unless they say so. */
export async function withApi(
  options: WorldOptions,
  body: (world: World) => Promise<void>,
  store?: Store,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'peal-binary-'));
  try {
    await withApiIn(folder, options, body, store);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function withApiIn(
  folder: string,
  options: WorldOptions,
  body: (world: World) => Promise<void>,
  store: Store | undefined,
): Promise<void> {
  const failures: unknown[] = [];
  const loop = new NodeLoop((_name, error) => failures.push(error));
  const sessions = new FakeSessions(loop);
  const inFolder = new Map(Object.entries(options).map(([key, value]) => [key, value.replace('FOLDER', folder)]));
  const clients: RawClient[] = [];
  const { instance: api, logged } = buildPlugin<BinaryApi>({
    plugin: binary,
    options: { port: '0', unix_socket: 'off', ...(Object.fromEntries(inFolder) as WorldOptions) },
    ports: [bind(EventLoop, loop), bind(Sessions, sessions), ...(store === undefined ? [] : [bind(Store, store)])],
  });
  const keep = <C extends RawClient>(client: C): C => {
    clients.push(client);
    return client;
  };
  loop.start();
  try {
    await api.start();
    const at = tcpPort(api.addresses());
    await body({
      api,
      sessions,
      loop,
      lines: logged,
      folder,
      port: at,
      raw: async () => keep(await new RawClient(at).connected()),
      connect: async (name, o) => keep(await WireClient.connect(at, name, o)),
    });
  } finally {
    for (const client of clients) client.destroy();
    await api.stop();
    loop.stop();
  }
  if (failures.length > 0) throw failures[0];
}
