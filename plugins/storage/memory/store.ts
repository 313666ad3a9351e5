// One plugin's space in memory: a sorted list of keys over a map, and logs. Calls take effect at once, in the order in
// which they are made; the promises only keep the contract of storages that write to disk (core/plugin/storage.ts).
import {
  type AppendLog,
  type Bytes,
  type Change,
  checkedKey,
  type Entry,
  type LogRecord,
  type Range,
  recordCost,
  type Space,
  type Store,
} from 'peal/plugin';

function costOf(key: string, value: Bytes | undefined): number {
  return value === undefined ? 0 : recordCost(key.length, value.length);
}

export class MemoryStore implements Store {
  private readonly values = new Map<string, Bytes>();
  /** Sorted when a range is asked for; `stale` when a key came or went since. */
  private sorted: string[] = [];
  private stale = false;
  private readonly logs_ = new Map<string, MemoryLog>();

  constructor(private readonly space: Space) {}

  get(key: string): Promise<Bytes | undefined> {
    return this.does(() => this.values.get(checkedKey(key)));
  }

  put(key: string, value: Bytes): Promise<void> {
    return this.batch([{ key, value }]);
  }

  delete(key: string): Promise<boolean> {
    return this.does(() => {
      const before = this.values.get(checkedKey(key));
      if (before === undefined) return false;
      this.space.use(-costOf(key, before));
      this.apply({ key, value: undefined });
      return true;
    });
  }

  batch(changes: readonly Change[]): Promise<void> {
    return this.does(() => {
      const last = new Map(changes.map(({ key, value }) => [checkedKey(key), value]));
      let growth = 0;
      for (const [key, value] of last) {
        growth += costOf(key, value) - costOf(key, this.values.get(key));
      }
      this.space.use(growth);
      for (const [key, value] of last) this.apply({ key, value });
    });
  }

  range({ from, to, limit, reverse }: Range): AsyncIterable<Entry> {
    const entries = this.does(() => {
      let keys = this.keys();
      keys = keys.slice(from === undefined ? 0 : place(keys, from), to === undefined ? keys.length : place(keys, to));
      if (reverse === true) keys.reverse();
      return keys.slice(0, limit ?? keys.length).map((key) => ({ key, value: this.values.get(key)! }));
    });
    // Whoever never walks through it never hears of the error either.
    entries.catch(() => undefined);
    return {
      async *[Symbol.asyncIterator]() {
        yield* await entries;
      },
    };
  }

  log(name: string): AppendLog {
    let log = this.logs_.get(checkedKey(name));
    if (log === undefined) {
      const guard = <T>(work: () => T): Promise<T> => this.does(work);
      log = new MemoryLog(this.space, guard);
      this.logs_.set(name, log);
    }
    return log;
  }

  logs(): Promise<readonly string[]> {
    return this.does(() =>
      [...this.logs_]
        .filter(([, log]) => log.bounds().next > 1)
        .map(([name]) => name)
        .sort(),
    );
  }

  usage(): { readonly usedBytes: number; readonly limitBytes: number } {
    return { usedBytes: this.space.usedBytes, limitBytes: this.space.limitBytes };
  }

  close(): void {
    this.values.clear();
    this.logs_.clear();
    this.space.close();
  }

  /** Runs now; what it throws becomes a rejection. */
  private does<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.space.assertOpen();
      resolve(work());
    });
  }

  private apply({ key, value }: Change): void {
    if (this.values.has(key) !== (value !== undefined)) this.stale = true;
    if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
  }

  private keys(): string[] {
    if (this.stale) this.sorted = [...this.values.keys()].sort();
    this.stale = false;
    return this.sorted;
  }
}

/** Index of the first key that is not below `key`. */
function place(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

class MemoryLog implements AppendLog {
  private records: Bytes[] = [];
  private first = 1;

  constructor(
    private readonly space: Space,
    private readonly guard: <T>(work: () => T) => Promise<T>,
  ) {}

  append(record: Bytes): Promise<number> {
    return this.guard(() => {
      this.space.use(recordCost(0, record.length));
      this.records.push(record);
      return this.first + this.records.length - 1;
    });
  }

  read(from: number, maxBytes: number): Promise<readonly LogRecord[]> {
    return this.guard(() => {
      const found: LogRecord[] = [];
      let total = 0;
      for (let number = Math.max(from, this.first); number < this.first + this.records.length; number++) {
        const bytes = this.records[number - this.first]!;
        total += bytes.length;
        if (found.length > 0 && total > maxBytes) break;
        found.push({ number, bytes });
      }
      return found;
    });
  }

  trim(upTo: number): Promise<void> {
    return this.guard(() => {
      this.forget(upTo);
    });
  }

  drop(): Promise<void> {
    return this.guard(() => {
      this.forget(this.bounds().next - 1);
      this.first = 1;
    });
  }

  bounds(): { readonly first: number; readonly next: number } {
    return { first: this.first, next: this.first + this.records.length };
  }

  private forget(upTo: number): void {
    const gone = this.records.splice(0, Math.max(0, upTo - this.first + 1));
    this.first += gone.length;
    for (const bytes of gone) this.space.use(-recordCost(0, bytes.length));
  }
}
