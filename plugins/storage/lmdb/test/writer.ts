// What kills.test.ts kills: a process that writes to storage.lmdb without a pause and notes in a file what it was told to
// be done. Each key is written by one loop that waits for every write, so that at most one is under way.
import { bind, buildPlugin, seeded } from 'peal/compliance';
import { DaemonInfo, type Storage, type Store } from 'peal/plugin';
import { openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import plugin from '../index.js';

/** Keys, each with a loop of its own. */
export const KEYS = ['a', 'b', 'c', 'd'];
/** Two keys that are only ever written together. */
export const PAIR = ['left', 'right'];
export const LOG = 'log';
/** So many records of the log are kept, more or less. */
const KEPT_RECORDS = 50;
const LARGEST_VALUE_BYTES = 20_000;

export const build = (path: string): Storage =>
  buildPlugin<Storage>({ plugin, options: { path }, ports: [bind(DaemonInfo, { name: 'victim' } as DaemonInfo)] })
    .instance;

/** What stands under that key after so many writes: tells whether all of it is there. */
export function valueOf(key: string, version: number): Buffer {
  const random = seeded(version + key.charCodeAt(0));
  const value = Buffer.alloc(12 + Math.floor(random() ** 4 * LARGEST_VALUE_BYTES), `${key}${version} `);
  value.write(String(version).padEnd(12));
  return value;
}

/** How many writes that value is the last of; 0: none, -1: it is damaged. */
export function versionOf(key: string, value: Uint8Array | undefined): number {
  if (value === undefined) return 0;
  const version = Number(Buffer.from(value.subarray(0, 12)).toString());
  return valueOf(key, version).equals(value) ? version : -1;
}

let notes: number;
const say = (line: string): void => void writeSync(notes, `${line}\n`);

async function writeKey(store: Store, key: string): Promise<never> {
  for (let version = versionOf(key, await store.get(key)) + 1; ; version++) {
    await store.put(key, valueOf(key, version));
    say(`${key} ${version}`);
  }
}

async function writePair(store: Store): Promise<never> {
  for (let version = versionOf(PAIR[0]!, await store.get(PAIR[0]!)) + 1; ; version++) {
    await store.batch(PAIR.map((key) => ({ key, value: valueOf(key, version) })));
    say(`pair ${version}`);
  }
}

async function writeLog(store: Store): Promise<never> {
  const log = store.log(LOG);
  for (;;) {
    const number = await log.append(valueOf(LOG, log.bounds().next));
    say(`append ${number}`);
    if (number % 7 !== 0) continue;
    say(`trimming ${number - KEPT_RECORDS}`);
    await log.trim(number - KEPT_RECORDS);
    say(`trimmed ${number - KEPT_RECORDS}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  notes = openSync(process.argv[3]!, 'a');
  const storage = build(process.argv[2]!);
  await storage.start?.();
  const store = storage.space('victim');
  process.stdout.write('ready\n');
  await Promise.all([...KEYS.map((key) => writeKey(store, key)), writePair(store), writeLog(store)]);
}
