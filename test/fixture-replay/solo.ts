// A daemon alone in its configuration, with the real machine and driver and the binary API, for tests of the client
// side. Its medium carries nothing to nobody.
import { createDaemon } from '../../core/machine/daemon.js';
import { createMesh } from '../../core/machine/mesh/index.js';
import { DEFAULT_OPTIONS } from '../../core/machine/options.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../../core/wire/frame.js';
import type { Medium } from '../../core/plugin/medium.js';
import { EventLoop, Logger, Sessions } from '../../core/plugin/ports.js';
import { Driver } from '../../core/runtime/driver.js';
import type { BinaryApi } from '../../client-apis/binary/api.js';
import binary from '../../client-apis/binary/index.js';
import { tcpPort } from '../../client-apis/binary/test/wire-client.js';
import { bind, buildPlugin } from '../compliance/build.js';

const NOBODY: Medium = {
  maxBytes: 60_000,
  stream: true,
  open: () => Promise.resolve(),
  peers: () => undefined,
  send: () => true,
  sever: () => undefined,
  close: () => Promise.resolve(),
  describe: () => ({}),
};

export interface Solo {
  readonly driver: Driver;
  readonly api: BinaryApi;
  readonly port: number;
  /** Why it failed, if it did. */
  readonly fatal: readonly string[];
  stop(): Promise<void>;
}

const SILENT: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  verbose: false,
  child: () => SILENT,
};

/** Starts a daemon called `solo`; options of the binary API as in a file. Resolves when clients can connect. */
export async function startSolo(options: Readonly<Record<string, string>> = {}): Promise<Solo> {
  const list = [{ name: 'solo', host: '127.0.0.1', port: 4800, place: 0 }];
  const fatal: string[] = [];
  const facts = { maxBytes: NOBODY.maxBytes, stream: NOBODY.stream };
  const birth = { list, self: 0, listHash: 1, medium: facts, link: createMesh(facts), options: DEFAULT_OPTIONS };
  const driver = new Driver({
    list,
    self: 0,
    listHash: 1,
    medium: NOBODY,
    machine: (drawn, ports) => createDaemon({ ...birth, ...drawn }, ports),
    log: SILENT,
    maxSessions: 1000,
    maxMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
    fatal: (error) => fatal.push(error.toString()),
  });
  await driver.start();
  const { instance: api } = buildPlugin<BinaryApi>({
    plugin: binary,
    options: { port: '0', unix_socket: 'off', ...options },
    ports: [bind(EventLoop, driver.loop), bind(Sessions, driver.sessions)],
  });
  await api.start();
  const stop = async () => {
    await api.stop();
    await driver.stop();
  };
  return { driver, api, port: tcpPort(api.addresses()), fatal, stop };
}
