// What must not be forgotten: batches one at a time, everybody told when his own holds, a storage that refuses for a while.
import { expect, test } from '@jest/globals';
import type { Change, Logger, Store } from 'peal/plugin';
import { buildPlugin } from 'peal/compliance';
import type { Storage } from 'peal/plugin';
import { SystemTimers } from '../../../../core/kernel/system.js';
import storageMemory from '../../../storage/memory/index.js';
import { recordsOf, Saving } from '../saving.js';

const silent = (): void => undefined;
const log: Logger = { error: silent, warn: silent, info: silent, debug: silent, verbose: false, child: () => log };

/** A saving over a store whose batches end when they are told to. */
class Played {
  readonly batches: (readonly string[])[] = [];
  readonly stored: number[] = [];
  readonly timers = new SystemTimers();
  readonly saving: Saving;
  private ends: ((error?: Error) => void)[] = [];
  private cut = 0;

  constructor() {
    const store = {
      batch: (changes: readonly Change[]) => {
        this.batches.push(changes.map((c) => c.key));
        return new Promise<void>((resolve, reject) =>
          this.ends.push((error) => {
            if (error === undefined) resolve();
            else reject(error);
          }),
        );
      },
    } as unknown as Store;
    this.saving = new Saving({
      store,
      timers: this.timers,
      log,
      cut: () => ++this.cut,
      record: () => new Uint8Array(1),
      stored: (cut) => this.stored.push(cut),
    });
  }

  /** Ends the batch under way, and lets what follows from it happen. */
  async end(error?: Error): Promise<void> {
    this.ends.shift()!(error);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

test('one batch at a time; what changes meanwhile is the next, without another tick', async () => {
  const p = new Played();
  const held: string[] = [];
  p.saving.touch('a');
  void p.saving.saved().then(() => held.push('first'));
  p.saving.flush();
  p.saving.touch('a');
  p.saving.touch('b');
  void p.saving.saved().then(() => held.push('second'));
  p.saving.flush();
  expect(p.batches).toEqual([['a']]);
  await p.end();
  expect([held, p.stored, p.batches]).toEqual([['first'], [1], [['a'], ['a', 'b']]]);
  await p.end();
  expect([held, p.stored]).toEqual([
    ['first', 'second'],
    [1, 2],
  ]);
  await p.saving.stop();
});

test('who changed nothing waits for nobody', async () => {
  const p = new Played();
  const saved = p.saving.saved();
  p.saving.flush();
  await saved;
  expect(p.batches).toEqual([]);
});

test('a batch that was refused is tried again with what came meanwhile, and nobody is told before', async () => {
  const p = new Played();
  let told = false;
  p.saving.touch('a');
  void p.saving.saved().then(() => (told = true));
  p.saving.flush();
  await p.end(new Error('the disk is full'));
  expect([told, p.stored, p.saving.failures]).toEqual([false, [], 1]);
  p.saving.touch('b');
  p.saving.flush();
  expect(p.batches.length).toBe(1);
  // The end of the daemon does not wait for the pause between two attempts.
  const stopped = p.saving.stop();
  for (let i = 0; i < 10 && p.batches.length < 2; i++) await Promise.resolve();
  expect([...p.batches[1]!].sort()).toEqual(['a', 'b']);
  await p.end();
  await stopped;
  expect([told, p.stored]).toEqual([true, [2]]);
  expect(p.timers.cancelAll()).toBe(0);
});

test('a store is read in parts, each record once', async () => {
  const storage = buildPlugin<Storage>({ plugin: storageMemory }).instance;
  await storage.start?.();
  const store = storage.space('flood');
  const keys = Array.from({ length: 2500 }, (_, i) => `k${String(i).padStart(5, '0')}`);
  await store.batch(keys.map((key) => ({ key, value: new Uint8Array([1]) })));
  const found: string[] = [];
  for await (const [key] of recordsOf(store)) found.push(key);
  expect(found).toEqual(keys);
});
