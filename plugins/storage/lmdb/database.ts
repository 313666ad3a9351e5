// The tree on disk and what is on its way there. Writes of one tick, and those that come while a commit is under way, go
// together into the next transaction: one flush for all of them, and a promise resolves only after it. Until then reads
// find a write in `pending`, so that they see every earlier call. The library is loaded by `open` and not before.
import type { Database as Tree, RootDatabase } from 'lmdb';
import type { Bytes } from 'peal/plugin';
import { at, type KeyRange, textOf } from './keys.js';

/** Changes of one transaction at the most; a single call may have more. */
const COMMIT_CHANGES = 20_000;
/** Bytes of values in one transaction at the most; a single call may have more. */
const COMMIT_BYTES = 16 * 1_048_576;

/** `value` undefined: the key goes. */
export interface Write {
  readonly key: string;
  readonly value: Bytes | undefined;
}

export interface Found {
  readonly key: string;
  readonly value: Bytes;
}

interface Call {
  readonly writes: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Database {
  commits = 0;
  private calls: Call[] = [];
  private readonly pending = new Map<string, Write>();
  private running: Promise<void> | undefined;

  private constructor(
    private readonly tree: RootDatabase<Buffer, Buffer>,
    /** A commit failed: nothing of what was pending holds. */
    private readonly lost: () => void,
  ) {}

  /** Opens or makes the tree in that folder. Rejects when the library cannot be loaded or the files are no tree. */
  static async open(folder: string, lost: () => void): Promise<Database> {
    const { open } = await import('lmdb');
    // Without overlapping syncs a transaction is written, flushed, and only then becomes the current one, in this order:
    // the order that the library's own format relies on after a crash of the machine.
    // Every commit here is an explicit batch; one that the library gathers per event turn around it would have a promise that
    // nobody holds, whose rejection ends the daemon when the disk is full.
    const turns = { overlappingSync: false, eventTurnBatching: false } as const;
    const options = { path: folder, noSubdir: false, maxDbs: 1, ...turns } as const;
    const tree = open<Buffer, Buffer>({ ...options, encoding: 'binary', keyEncoding: 'binary', cache: false });
    return new Database(tree, lost);
  }

  /** The value, in memory of its own. */
  get(key: string): Bytes | undefined {
    const write = this.pending.get(key);
    return write === undefined ? this.tree.get(at(key)) : write.value;
  }

  /** Entries of that range, in order or the reverse of it, at the most `limit`. Throws for a tree that cannot be read. */
  range({ from, to }: KeyRange, limit = Infinity, reverse = false): Found[] {
    if (from >= to || limit <= 0) return [];
    const near = [...this.pending.values()]
      .filter(({ key }) => key >= from && key < to)
      .sort((a, b) => (a.key < b.key !== reverse ? -1 : 1));
    const found: Found[] = [];
    let next = 0;
    const take = (write: Write): void => {
      if (write.value !== undefined && found.length < limit) found.push({ key: write.key, value: write.value });
    };
    for (const { key: bytes, value } of this.tree.getRange(bounds(from, to, reverse))) {
      const key = textOf(bytes);
      while (next < near.length && near[next]!.key < key !== reverse && near[next]!.key !== key) take(near[next++]!);
      if (near[next]?.key === key) take(near[next++]!);
      else take({ key, value });
      if (found.length >= limit) break;
    }
    while (next < near.length) take(near[next++]!);
    return found;
  }

  /** All of them or none; resolves when they are on disk. */
  write(writes: readonly Write[]): Promise<void> {
    for (const write of writes) this.pending.set(write.key, write);
    return new Promise((resolve, reject) => {
      this.calls.push({ writes, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** What was written before is on disk when it resolves. */
  async close(): Promise<void> {
    await this.running;
    await this.tree.close();
  }

  private async run(): Promise<void> {
    // The rest of this tick joins the first transaction.
    await Promise.resolve();
    while (this.calls.length > 0) {
      const group = this.nextGroup();
      try {
        await this.commit(group);
      } catch (error) {
        this.fail([...group, ...this.calls], error);
        break;
      }
      for (const { resolve } of group) resolve();
    }
    this.running = undefined;
    if (this.calls.length > 0) this.running = this.run();
  }

  private nextGroup(): readonly Call[] {
    let count = 0;
    let changes = 0;
    let bytes = 0;
    while (count < this.calls.length) {
      const { writes } = this.calls[count]!;
      changes += writes.length;
      for (const { value } of writes) bytes += value?.length ?? 0;
      if (count > 0 && (changes > COMMIT_CHANGES || bytes > COMMIT_BYTES)) break;
      count++;
    }
    const group = this.calls.slice(0, count);
    this.calls = this.calls.slice(count);
    return group;
  }

  private async commit(group: readonly Call[]): Promise<void> {
    const last = new Map(group.flatMap(({ writes }) => writes.map((write) => [write.key, write] as const)));
    // Every write has a promise of its own, mostly one and the same; unheard, its rejection would end the daemon.
    const single = new Set<Promise<boolean>>();
    const batch = this.tree.batch(() => {
      for (const { key, value } of last.values())
        if (value === undefined) single.add(this.tree.remove(at(key)));
        else single.add(this.tree.put(at(key), Buffer.from(value.buffer, value.byteOffset, value.length)));
    });
    const results = await Promise.allSettled([batch, ...single]);
    for (const result of results) if (result.status === 'rejected') throw await causeOf(result.reason);
    this.commits++;
    // Or the next read would be of the state before.
    (this.tree as Tree<Buffer, Buffer>).resetReadTxn();
    for (const write of last.values()) if (this.pending.get(write.key) === write) this.pending.delete(write.key);
  }

  private fail(calls: readonly Call[], error: unknown): void {
    this.calls = [];
    this.pending.clear();
    this.lost();
    for (const { reject } of calls) reject(error);
  }
}

/** The library's error has the reason as a promise, which rejects. */
async function causeOf(error: unknown): Promise<unknown> {
  try {
    await (error as { readonly commitError?: Promise<never> }).commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

function bounds(from: string, to: string, reverse: boolean): Parameters<Tree['getRange']>[0] {
  if (!reverse) return { start: at(from), end: at(to) };
  return { start: at(to), end: at(from), reverse, exclusiveStart: true, inclusiveEnd: true };
}
