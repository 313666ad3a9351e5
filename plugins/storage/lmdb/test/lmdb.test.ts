// storage.lmdb against the compliance suite of its kind, and what is its own: it is on disk.
import { afterAll, describe, expect, test } from '@jest/globals';
import { bind, buildPlugin, storageCompliance } from 'peal/compliance';
import { DaemonInfo, type Storage, type Store } from 'peal/plugin';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import plugin from '../index.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-lmdb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const info = { name: 'solo', stateDir: folder } as DaemonInfo;
const build = (options: Record<string, string>): Storage =>
  buildPlugin<Storage>({ plugin, options, ports: [bind(DaemonInfo, info)] }).instance;

let count = 0;
const place = (): string => join(folder, `s${count}`);
storageCompliance(
  { describe, test, expect },
  {
    name: 'lmdb',
    create: () => {
      count++;
      return Promise.resolve(build({ path: place(), limit_bytes: '4 MiB' }));
    },
    reopen: () => Promise.resolve(build({ path: place(), limit_bytes: '4 MiB' })),
    destroy: () => {
      rmSync(place(), { recursive: true, force: true });
      return Promise.resolve();
    },
  },
);

async function all(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.range({})) keys.push(key);
  return keys;
}

const failure = async (storage: Storage): Promise<string> => {
  const error = await Promise.resolve(storage.start?.()).then(() => 'started', String);
  await storage.stop?.();
  return error;
};

describe('what cannot be a storage is refused and left alone', () => {
  const filled = async (path: string): Promise<string> => {
    const storage = build({ path });
    await storage.start?.();
    for (let i = 0; i < 200; i++) void storage.space('a').put(`k${i}`, new Uint8Array(3000).fill(i));
    await storage.stop?.();
    return join(path, 'solo', 'data.mdb');
  };
  test.each([
    ['other bytes', (good: Buffer) => Buffer.alloc(good.length, 'no tree at all ')],
    ['zeros', (good: Buffer) => Buffer.alloc(good.length)],
    ['half a first page', (good: Buffer) => good.subarray(0, 100)],
    ['one page', (good: Buffer) => good.subarray(0, 4096)],
    ['two pages', (good: Buffer) => good.subarray(0, 8192)],
    ['another version', (good: Buffer) => Buffer.concat([good.subarray(0, 28), Buffer.from([9]), good.subarray(29)])],
  ])('%s', async (name, spoil) => {
    const path = join(folder, name);
    const file = await filled(path);
    const spoilt = spoil(readFileSync(file));
    writeFileSync(file, spoilt);
    expect(await failure(build({ path }))).toContain('PEAL_STORAGE_LMDB_OPEN');
    expect(readFileSync(file).equals(spoilt)).toBe(true);
  });

  test('a folder that is none', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    expect(await failure(build({ path }))).toContain('PEAL_STORAGE_LMDB_OPEN');
  });

  test('another layout', async () => {
    const path = join(folder, 'layout');
    await filled(path);
    const { open } = await import('lmdb');
    const tree = open<Buffer, Buffer>({ path: join(path, 'solo'), encoding: 'binary', keyEncoding: 'binary' });
    await tree.put(Buffer.from('\0v'), Buffer.from('99'));
    await tree.close();
    expect(await failure(build({ path }))).toContain('has layout 99, this daemon reads 1');
  });
});

test('is in the folder of the daemon unless told otherwise', async () => {
  const storage = build({});
  await storage.start?.();
  await storage.space('a').put('k', new Uint8Array(1));
  expect(storage.describe?.()).toMatchObject({ folder: join(folder, 'storage.lmdb'), used_bytes: 514, spaces: 1 });
  expect(existsSync(join(folder, 'storage.lmdb', 'data.mdb'))).toBe(true);
  await storage.stop?.();
});

test('a file without its last pages is opened, and says so', async () => {
  const path = join(folder, 'short');
  const storage = build({ path });
  await storage.start?.();
  for (let i = 0; i < 50; i++) await storage.space('a').put(`k${i}`, new Uint8Array(3000).fill(i));
  await storage.stop?.();
  const file = join(path, 'solo', 'data.mdb');
  const built = buildPlugin<Storage>({ plugin, options: { path }, ports: [bind(DaemonInfo, info)] });
  const whole = readFileSync(file);
  const last = Math.max(Number(whole.readBigUInt64LE(144)), Number(whole.readBigUInt64LE(4096 + 144)));
  // Whether the last page is a root differs; then it is refused, which is as good.
  truncateSync(file, last * 4096);
  const said = await failure(built.instance);
  if (said === 'started') expect(built.logged.join('\n')).toContain('ended before its last page');
  else expect(said).toContain('the file was cut off');
});

test('only a daemon that has the section loads the library', async () => {
  const script = `await import(process.argv[1]);
    const loaded = () => process.report.getReport().sharedObjects.some((file) => file.includes('lmdb'));
    const before = loaded();
    await import('lmdb');
    console.log(before, loaded());`;
  const words = ['--input-type=module', '-e', script, fileURLToPath(new URL('../index.js', import.meta.url))];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  expect(stdout).toBe('false true\n');
});

test('a disk that is full refuses writes with a code, what was promised stays, and reads go on', async () => {
  const path = join(folder, 'full');
  const script = fileURLToPath(new URL('full-disk.js', import.meta.url));
  // Blocks of 512 bytes: 4 MiB.
  const words = ['-c', 'ulimit -f 8192; exec "$0" "$@"', process.execPath, script, path];
  const { stdout } = await promisify(execFile)('/bin/sh', words);
  const said = JSON.parse(stdout) as {
    done: number;
    codes: string[];
    records: number;
    next: number;
    usedBytes: number;
    refused: number;
  };
  expect(said.refused).toBe(40);
  expect(said.done).toBeGreaterThan(10);
  expect(said.codes).toEqual(Array.from({ length: 3 }, () => 'PEAL_STORAGE_FAILED'));
  expect(said).toMatchObject({ records: said.done + 1, next: said.done + 1 });
  const storage = build({ path });
  await storage.start?.();
  const store = storage.space('a');
  expect((await all(store)).length).toBe(said.done + 1);
  expect((await store.log('l').read(1, Infinity)).length).toBe(said.done);
  expect(store.usage().usedBytes).toBe(said.usedBytes);
  await store.put('room', new Uint8Array(100_000));
  await storage.stop?.();
});

/** A file system of one page, in a name space of its own, where the system lets users make one: what is full is known then. */
const MOUNT = 'mount -t tmpfs -o size=4k,nr_inodes=16 none "$2" && cd "$2"';
const mayMount = ((): boolean => {
  try {
    execFileSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
(mayMount ? test : test.skip)(
  'a new storage on a disk that is full is an error with a code, and no death',
  async () => {
    const path = join(folder, 'no-room');
    mkdirSync(path);
    const script = fileURLToPath(new URL('full-disk.js', import.meta.url));
    const words = ['-rm', '/bin/sh', '-c', `${MOUNT} && exec "$0" "$1" .`, process.execPath, script, path];
    const ended = promisify(execFile)('unshare', words);
    await expect(ended).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('PEAL_STORAGE_LMDB_OPEN') });
  },
);
