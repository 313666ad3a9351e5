// What the suites need to build one plugin of any kind again and again: options with a folder of the run's own, ports of a
// daemon that is only a name, free addresses (plugin.ts uses it, and so may the parts beside a plugin).
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plugin } from '../../core/plugin/define.js';
import type { Address } from '../../core/plugin/medium.js';
import { formatValue } from '../../core/plugin/option-values.js';
import { DaemonInfo } from '../../core/plugin/ports.js';
import type { TestApi } from './api.js';
import { bind, type Binding, type Built, buildPlugin } from './build.js';

/** In a value of an option: an empty folder of the run's own, removed at the end. */
export const FOLDER_MARK = '{folder}';
const SOLO: Address = { name: 'solo', host: '127.0.0.1', port: 1, place: 0 };
const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'] as const;

/** What the parts of a plugin can use. */
export interface ComplianceBench {
  readonly plugin: Plugin;
  /** What was set for this run, as a file would say it. */
  readonly options: Readonly<Record<string, string>>;
  /** Another instance, not started; `extra` goes before `options`. */
  readonly build: <T>(extra?: Readonly<Record<string, string>>, ports?: readonly Binding[]) => Built<T>;
  /** A fresh empty folder, removed after the suite. */
  readonly folder: () => string;
}

/** See `ComplianceBench`. */
export class Bench implements ComplianceBench {
  readonly #folders: string[] = [];

  constructor(
    readonly plugin: Plugin,
    readonly options: Readonly<Record<string, string>>,
    api: TestApi,
  ) {
    api.afterAll?.(() => {
      for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
    });
  }

  readonly build = <T>(extra: Readonly<Record<string, string>> = {}, ports: readonly Binding[] = []): Built<T> =>
    this.buildIn<T>(this.folder(), extra, ports);

  /** As `build`, with what it writes in that folder: state, and paths that must be given and were not. */
  buildIn<T>(folder: string, extra: Readonly<Record<string, string>>, ports: readonly Binding[]): Built<T> {
    const { plugin } = this;
    const options: Record<string, string> = {};
    for (const [key, row] of Object.entries(plugin.options))
      if (row.type === 'path' && row.required === true) options[key] = join(folder, key);
    for (const [key, value] of Object.entries({ ...options, ...extra, ...this.options }))
      options[key] = value.replaceAll(FOLDER_MARK, folder);
    const own = [bind(DaemonInfo, infoOf([SOLO], folder)), ...ports];
    return buildPlugin<T>({ plugin, options, ports: own });
  }

  /** A fresh empty folder, removed after the suite. */
  readonly folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), 'peal-compliance-'));
    this.#folders.push(made);
    return made;
  };

  /** The options of that type and ending with their least values, where they have one. */
  least(ending: string): Record<string, string> {
    const least: Record<string, string> = {};
    for (const [key, row] of Object.entries(this.plugin.options))
      if (row.type === 'bytes' && key.endsWith(ending) && row.min !== undefined) least[key] = formatValue(row.min);
    return least;
  }

  /** Does the plugin have that option? */
  has(option: string): boolean {
    return Object.hasOwn(this.plugin.options, option);
  }
}

/** What a daemon of that list, the first of it, knows of itself. */
export function infoOf(list: readonly Address[], stateDir: string): DaemonInfo {
  const address = list[0] ?? SOLO;
  return { name: address.name, address, list, listHash: 1, stateDir };
}

/** Loopback addresses with ports that are free for TCP and UDP now. */
export async function freeAddresses(count: number): Promise<readonly Address[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      for (;;) {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const { port } = server.address() as AddressInfo;
        const free = await freeForDatagrams(port);
        if (free) return { server, port };
        server.close();
      }
    }),
  );
  await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  return held.map(({ port }, place) => ({ name: NAMES[place] ?? `daemon${place}`, host: '127.0.0.1', port, place }));
}

function freeForDatagrams(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}
