// The compliance suite of storages: any implementation of `Storage`, ours or a stranger's. What it checks is the contract
// in core/plugin/storage.ts.
import { PealError } from '../../core/errors.js';
import {
  type Entry,
  MAX_KEY_LENGTH,
  RECORD_OVERHEAD_BYTES,
  type Storage,
  type Store,
} from '../../core/plugin/storage.js';
import { seeded, type TestApi } from './api.js';

export interface StorageSetup {
  readonly name: string;
  /** A fresh, empty storage, not started. */
  create(): Promise<Storage>;
  /** Storages that keep records for the next life of the daemon: another one over what the last `create` left, not started. */
  reopen?(): Promise<Storage>;
  /** Called after each test, when the storage has stopped: removes files. */
  destroy?(): Promise<void>;
}

/** Space that each test needs at least, in bytes. */
const SPACE_BYTES = 1_048_576;
const RANDOM_STEPS = 400;

/** Runs the suite. */
export function storageCompliance(api: TestApi, setup: StorageSetup): void {
  const { describe, test } = api;
  const withStorage = (name: string, body: (storage: Storage) => Promise<void>): void => {
    test(name, async () => {
      const storage = await setup.create();
      try {
        await storage.start?.();
        await body(storage);
      } finally {
        await storage.stop?.();
        await setup.destroy?.();
      }
    });
  };
  describe(`storage ${setup.name}`, () => {
    describe('records', () => recordTests(api, withStorage));
    describe('ranges', () => rangeTests(api, withStorage));
    describe('logs', () => {
      logTests(api, withStorage);
      randomLogTests(api, withStorage);
    });
    describe('limits and life', () => limitTests(api, withStorage));
    if (setup.reopen !== undefined) describe('the next life', () => lifeTests(api, setup, withStorage));
  });
}

type WithStorage = (name: string, body: (storage: Storage) => Promise<void>) => void;

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const textOf = (b: Uint8Array | undefined): string | undefined => (b === undefined ? b : new TextDecoder().decode(b));

async function all(entries: AsyncIterable<Entry>): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, value } of entries) found.push(`${key}=${textOf(value) ?? ''}`);
  return found;
}

/** The code of the error that a promise rejects with; 'none' when it does not. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return error instanceof PealError ? error.code : String(error);
  }
}

function recordTests({ expect }: TestApi, withStorage: WithStorage): void {
  withStorage('what was put is got, until it is replaced or deleted', async (storage) => {
    const store = storage.space('a');
    expect(await store.get('k')).toBe(undefined);
    await store.put('k', text('one'));
    expect(textOf(await store.get('k'))).toBe('one');
    await store.put('k', text(''));
    expect(textOf(await store.get('k'))).toBe('');
    expect(await store.delete('k')).toBe(true);
    expect(await store.delete('k')).toBe(false);
    expect(await store.get('k')).toBe(undefined);
  });
  withStorage('calls take effect in the order in which they are made', async (storage) => {
    const store = storage.space('a');
    const writes = [store.put('k', text('1')), store.put('k', text('2')), store.delete('k'), store.put('k', text('3'))];
    const read = store.get('k');
    await Promise.all(writes);
    expect(textOf(await read)).toBe('3');
  });
  withStorage('a batch is done as one', async (storage) => {
    const store = storage.space('a');
    await store.put('old', text('x'));
    await store.batch([
      { key: 'old', value: undefined },
      { key: 'new', value: text('1') },
      { key: 'new', value: text('2') },
    ]);
    expect(await all(store.range({}))).toEqual(['new=2']);
    await store.batch([]);
  });
  withStorage('a batch with an illegal key changes nothing', async (storage) => {
    const store = storage.space('a');
    const code = await codeOf(
      store.batch([
        { key: 'good', value: text('1') },
        { key: 'bad\n', value: text('2') },
      ]),
    );
    expect(code).toBe('PEAL_STORAGE_KEY');
    expect(await all(store.range({}))).toEqual([]);
  });
  withStorage('keys have 1 to 255 printable characters', async (storage) => {
    const store = storage.space('a');
    for (const key of ['', 'x'.repeat(MAX_KEY_LENGTH + 1), 'ä', 'a\0'])
      expect(await codeOf(store.put(key, text('v')))).toBe('PEAL_STORAGE_KEY');
    for (const key of [' ', '~', '__proto__', 'constructor', 'x'.repeat(MAX_KEY_LENGTH)]) {
      await store.put(key, text(key));
      expect(textOf(await store.get(key))).toBe(key);
    }
  });
  withStorage('reads see writes that are not done yet', async (storage) => {
    const store = storage.space('a');
    await store.put('b', text('old'));
    const writes = [store.put('a', text('1')), store.put('c', text('3')), store.put('b', text('2'))];
    const seen = [all(store.range({})), all(store.range({ reverse: true })), all(store.range({ limit: 2 }))];
    const gone = [store.delete('a'), store.delete('b')];
    const left = [all(store.range({})), all(store.range({ from: 'a', to: 'c' }))];
    await Promise.all([...writes, ...gone]);
    expect(await Promise.all(seen)).toEqual([
      ['a=1', 'b=2', 'c=3'],
      ['c=3', 'b=2', 'a=1'],
      ['a=1', 'b=2'],
    ]);
    expect(await Promise.all(left)).toEqual([['c=3'], []]);
    expect(await all(store.range({}))).toEqual(['c=3']);
  });
  withStorage('every byte is kept, of a part of a larger buffer too', async (storage) => {
    const store = storage.space('a');
    const bytes = Uint8Array.from({ length: 4096 }, (_, i) => (i * 7) & 0xff);
    await store.put('k', bytes.subarray(100, 1124));
    await store.log('l').append(bytes.subarray(1, 3));
    expect([...((await store.get('k')) ?? [])]).toEqual([...bytes.subarray(100, 1124)]);
    expect([...((await store.log('l').read(1, 10))[0]?.bytes ?? [])]).toEqual([7, 14]);
  });
  withStorage('spaces do not see one another, and one name is one space', async (storage) => {
    await storage.space('a').put('k', text('a'));
    expect(await storage.space('b').get('k')).toBe(undefined);
    expect(textOf(await storage.space('a').get('k'))).toBe('a');
  });
}

function rangeTests({ expect }: TestApi, withStorage: WithStorage): void {
  const fill = async (store: Store): Promise<void> => {
    for (const key of ['b', 'B', 'a', 'a1', '~', ' ']) await store.put(key, text(key));
  };
  withStorage('keys come in the order of their codes', async (storage) => {
    const store = storage.space('a');
    await fill(store);
    expect(await all(store.range({}))).toEqual([' = ', 'B=B', 'a=a', 'a1=a1', 'b=b', '~=~']);
  });
  withStorage('from is inclusive, to is exclusive, reverse and limit', async (storage) => {
    const store = storage.space('a');
    await fill(store);
    expect(await all(store.range({ from: 'a', to: 'b' }))).toEqual(['a=a', 'a1=a1']);
    expect(await all(store.range({ from: 'a', to: 'b', reverse: true }))).toEqual(['a1=a1', 'a=a']);
    expect(await all(store.range({ limit: 2, reverse: true }))).toEqual(['~=~', 'b=b']);
    expect(await all(store.range({ from: 'a', limit: 1 }))).toEqual(['a=a']);
    expect(await all(store.range({ from: 'b', to: 'a' }))).toEqual([]);
    expect(await all(store.range({ limit: 0 }))).toEqual([]);
  });
  withStorage('a range shows what was there at the call', async (storage) => {
    const store = storage.space('a');
    await fill(store);
    const range = store.range({ from: 'a' });
    await store.delete('a1');
    await store.put('c', text('c'));
    expect(await all(range)).toEqual(['a=a', 'a1=a1', 'b=b', '~=~']);
    expect(await all(store.range({ from: 'a' }))).toEqual(['a=a', 'b=b', 'c=c', '~=~']);
  });
  for (const seed of [1, 2, 3])
    withStorage(`random writes leave what a map would hold (seed ${seed})`, async (storage) => {
      const random = seeded(seed);
      const store = storage.space('a');
      const model = new Map<string, string>();
      for (let i = 0; i < RANDOM_STEPS; i++) {
        const key = `k${Math.floor(random() * 40)}`;
        if (random() < 0.3) {
          expect(await store.delete(key)).toBe(model.delete(key));
        } else {
          const value = 'v'.repeat(Math.floor(random() * 50));
          model.set(key, value);
          await store.put(key, text(value));
        }
      }
      const keys = [...model.keys()].sort();
      expect(await all(store.range({}))).toEqual(keys.map((key) => `${key}=${model.get(key) ?? ''}`));
      let used = 0;
      for (const [key, value] of model) used += key.length + value.length + RECORD_OVERHEAD_BYTES;
      expect(store.usage().usedBytes).toBe(used);
    });
}

function logTests({ expect }: TestApi, withStorage: WithStorage): void {
  const numbers = (records: readonly { number: number; bytes: Uint8Array }[]): string[] =>
    records.map(({ number, bytes }) => `${number}:${textOf(bytes) ?? ''}`);
  withStorage('records are numbered from 1 in the order of appends', async (storage) => {
    const log = storage.space('a').log('l');
    expect(log.bounds()).toEqual({ first: 1, next: 1 });
    const given = await Promise.all(['x', 'yy', ''].map((s) => log.append(text(s))));
    expect(given).toEqual([1, 2, 3]);
    expect(log.bounds()).toEqual({ first: 1, next: 4 });
    expect(numbers(await log.read(1, 1000))).toEqual(['1:x', '2:yy', '3:']);
  });
  withStorage('a read gives whole records up to a number of bytes, and at least one', async (storage) => {
    const log = storage.space('a').log('l');
    for (const s of ['aaaa', 'bbbb', 'cccc']) await log.append(text(s));
    expect(numbers(await log.read(1, 8))).toEqual(['1:aaaa', '2:bbbb']);
    expect(numbers(await log.read(2, 1))).toEqual(['2:bbbb']);
    expect(numbers(await log.read(4, 100))).toEqual([]);
  });
  withStorage('numbers are never used again', async (storage) => {
    const log = storage.space('a').log('l');
    for (const s of ['a', 'b', 'c']) await log.append(text(s));
    await log.trim(2);
    expect(log.bounds()).toEqual({ first: 3, next: 4 });
    expect(numbers(await log.read(1, 100))).toEqual(['3:c']);
    await log.trim(2);
    await log.trim(100);
    expect(log.bounds()).toEqual({ first: 4, next: 4 });
    expect(await log.append(text('d'))).toBe(4);
  });
  withStorage('logs and records of a space do not meet, and trimmed space is free again', async (storage) => {
    const store = storage.space('a');
    const before = store.usage().usedBytes;
    await store.put('l', text('record'));
    await store.log('l').append(text('entry'));
    await storage.space('b').log('l').append(text('other'));
    expect(textOf(await store.get('l'))).toBe('record');
    expect(numbers(await store.log('l').read(1, 100))).toEqual(['1:entry']);
    await store.log('l').trim(1);
    await store.delete('l');
    expect(store.usage().usedBytes).toBe(before);
  });
}

function randomLogTests({ expect }: TestApi, withStorage: WithStorage): void {
  withStorage('logs are listed until they are dropped, and a new one of that name begins at 1', async (storage) => {
    const store = storage.space('a');
    const before = store.usage().usedBytes;
    expect(await store.logs()).toEqual([]);
    for (const name of ['z', 'a b', 'm']) for (const s of ['1', '2']) await store.log(name).append(text(s));
    store.log('never');
    await store.log('m').trim(2);
    expect(await store.logs()).toEqual(['a b', 'm', 'z']);
    for (const name of ['z', 'm', 'never']) await store.log(name).drop();
    expect(await store.logs()).toEqual(['a b']);
    expect(store.log('z').bounds()).toEqual({ first: 1, next: 1 });
    expect(await store.log('z').read(1, 100)).toEqual([]);
    expect(await store.log('z').append(text('new'))).toBe(1);
    for (const name of await store.logs()) await store.log(name).drop();
    expect(store.usage().usedBytes).toBe(before);
  });
  for (const seed of [1, 2])
    withStorage(`random appends and trims leave what an array would hold (seed ${seed})`, async (storage) => {
      const random = seeded(seed);
      const store = storage.space('a');
      const model = new Map<string, { first: number; records: string[] }>();
      const work: Promise<unknown>[] = [];
      for (let i = 0; i < RANDOM_STEPS; i++) {
        const name = `log ${Math.floor(random() * 3)}`;
        const log = model.get(name) ?? { first: 1, records: [] };
        model.set(name, log);
        if (random() < 0.7) {
          log.records.push(`${i}`);
          work.push(store.log(name).append(text(`${i}`)));
        } else {
          const count = Math.min(log.records.length, Math.floor(random() * 5));
          work.push(store.log(name).trim(log.first + count - 1));
          log.records.splice(0, count);
          log.first += count;
        }
      }
      await Promise.all(work);
      let used = 0;
      for (const [name, { first, records }] of model) {
        expect(store.log(name).bounds()).toEqual({ first, next: first + records.length });
        expect((await store.log(name).read(1, Infinity)).map((r) => textOf(r.bytes))).toEqual(records);
        for (const record of records) used += record.length + RECORD_OVERHEAD_BYTES;
      }
      expect(store.usage().usedBytes).toBe(used);
    });
}

function limitTests({ expect }: TestApi, withStorage: WithStorage): void {
  withStorage('what does not fit is refused and changes nothing', async (storage) => {
    const store = storage.space('small', 2000);
    expect(store.usage().limitBytes).toBeLessThanOrEqual(2000);
    await store.put('a', new Uint8Array(1000));
    const used = store.usage().usedBytes;
    expect(await codeOf(store.put('b', new Uint8Array(1000)))).toBe('PEAL_STORAGE_FULL');
    expect(await codeOf(store.log('l').append(new Uint8Array(1000)))).toBe('PEAL_STORAGE_FULL');
    const batch = [
      { key: 'c', value: text('1') },
      { key: 'd', value: new Uint8Array(1000) },
    ];
    expect(await codeOf(store.batch(batch))).toBe('PEAL_STORAGE_FULL');
    expect(store.usage().usedBytes).toBe(used);
    expect(await store.get('c')).toBe(undefined);
    await store.put('a', new Uint8Array(10));
    await store.put('b', new Uint8Array(100));
  });
  withStorage('the limit counts writes that are not done yet, and room comes back at once', async (storage) => {
    const store = storage.space('small', 4096);
    const log = store.log('l');
    const codes = Array.from({ length: 12 }, () => codeOf(log.append(new Uint8Array(100))));
    expect((await Promise.all(codes)).filter((code) => code === 'none').length).toBe(6);
    expect(log.bounds()).toEqual({ first: 1, next: 7 });
    const done = [codeOf(log.trim(2)), codeOf(log.append(new Uint8Array(100))), codeOf(store.put('k', text('v')))];
    expect(await Promise.all(done)).toEqual(['none', 'none', 'none']);
    expect(store.usage().usedBytes).toBe(5 * 612 + 514);
  });
  withStorage('there is room for a megabyte', async (storage) => {
    const store = storage.space('a');
    await store.put('k', new Uint8Array(SPACE_BYTES));
    expect((await store.get('k'))?.length).toBe(SPACE_BYTES);
  });
  withStorage('after stop every call is refused, and stop is idempotent', async (storage) => {
    const store = storage.space('a');
    const log = store.log('l');
    await store.put('k', text('v'));
    await storage.stop?.();
    expect(await codeOf(store.get('k'))).toBe('PEAL_STORAGE_CLOSED');
    expect(await codeOf(store.put('k', text('w')))).toBe('PEAL_STORAGE_CLOSED');
    expect(await codeOf(log.append(text('w')))).toBe('PEAL_STORAGE_CLOSED');
    expect(await codeOf(all(store.range({})))).toBe('PEAL_STORAGE_CLOSED');
    await storage.stop?.();
  });
}

function lifeTests({ expect }: TestApi, setup: StorageSetup, withStorage: WithStorage): void {
  const next = async (before: Storage, body: (storage: Storage) => Promise<void>): Promise<void> => {
    await before.stop?.();
    const storage = await setup.reopen!();
    try {
      await storage.start?.();
      await body(storage);
    } finally {
      await storage.stop?.();
    }
  };
  withStorage('records, logs, numbers and accounts are there again', async (first) => {
    const store = first.space('a');
    for (const key of ['k', 'gone', 'm']) await store.put(key, text(key));
    await store.delete('gone');
    for (const s of ['1', '2', '3']) await store.log('l').append(text(s));
    await store.log('l').trim(2);
    await store.log('dry').append(text('x'));
    await store.log('dry').trim(1);
    await store.log('dropped').append(text('x'));
    await store.log('dropped').drop();
    await first.space('other').put('k', text('other'));
    const { usedBytes } = store.usage();
    await next(first, async (storage) => {
      const again = storage.space('a');
      expect(await all(again.range({}))).toEqual(['k=k', 'm=m']);
      expect(await again.logs()).toEqual(['dry', 'l']);
      expect(again.log('l').bounds()).toEqual({ first: 3, next: 4 });
      expect((await again.log('l').read(1, 100)).map((r) => textOf(r.bytes))).toEqual(['3']);
      expect(await again.log('dry').append(text('y'))).toBe(2);
      expect(await again.log('dropped').append(text('y'))).toBe(1);
      await again.log('dry').drop();
      await again.log('dropped').drop();
      expect(again.usage().usedBytes).toBe(usedBytes);
      expect(textOf(await storage.space('other').get('k'))).toBe('other');
    });
  });
  withStorage('writes that nobody waited for are done by stop', async (first) => {
    const work = Array.from({ length: 50 }, (_, i) => first.space('a').put(`k${i}`, text(`${i}`)));
    await first.stop?.();
    await Promise.all(work);
    await next(first, async (storage) => {
      expect((await all(storage.space('a').range({}))).length).toBe(50);
    });
  });
  withStorage('the limit counts what an older life left, before and after start', async (first) => {
    await first.space('small', 2000).put('old', new Uint8Array(1000));
    await next(first, async (storage) => {
      const store = storage.space('small', 2000);
      expect(await codeOf(store.put('new', new Uint8Array(1000)))).toBe('PEAL_STORAGE_FULL');
      expect(await store.delete('old')).toBe(true);
      expect(await codeOf(store.put('new', new Uint8Array(1000)))).toBe('none');
    });
  });
}
