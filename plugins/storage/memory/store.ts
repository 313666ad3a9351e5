// One plugin's space in memory: a sorted list of keys over a map, and logs. Calls take effect at once, in the order in
// which they are made; the promises only keep the contract of storages that write to disk (core/plugin/storage.ts).
import {
  type AppendLog,
  type Bytes,
  type Change,
  type Entry,
  type ErrorTable,
  type LogRecord,
  MAX_KEY_LENGTH,
  PealError,
  type Range,
  RECORD_OVERHEAD_BYTES,
  type Store,
} from 'peal/plugin';

/** The errors that a store raises; the wording is the plugin's. */
export type StoreErrors = ErrorTable<{
  readonly FULL: readonly ['no room for {bytes} bytes in {space}: {used} of {limit} are used', string];
  readonly CLOSED: readonly ['the storage of {space} is closed', string];
  readonly KEY: readonly ["'{key}' is not a key", string];
}>;

/** Accounted bytes with a limit; a space inside another uses up both. */
export class Space {
  usedBytes = 0;
  closed = false;

  constructor(
    readonly name: string,
    readonly limitBytes: number,
    private readonly outer: Space | undefined,
  ) {}

  /** May that many more be used, here and outside? */
  hasRoom(bytes: number): boolean {
    return this.usedBytes + bytes <= this.limitBytes && (this.outer?.hasRoom(bytes) ?? true);
  }

  /** Negative: gives back. */
  use(bytes: number): void {
    this.usedBytes += bytes;
    this.outer?.use(bytes);
  }

  close(): void {
    this.use(-this.usedBytes);
    this.closed = true;
  }
}

function costOf(key: string, value: Bytes): number {
  return key.length + value.length + RECORD_OVERHEAD_BYTES;
}

export class MemoryStore implements Store {
  private readonly values = new Map<string, Bytes>();
  /** Sorted when a range is asked for; `stale` when a key came or went since. */
  private sorted: string[] = [];
  private stale = false;
  private readonly logs = new Map<string, MemoryLog>();

  constructor(
    private readonly space: Space,
    private readonly errors: StoreErrors,
  ) {}

  get(key: string): Promise<Bytes | undefined> {
    return this.does(() => this.values.get(this.checked(key)));
  }

  put(key: string, value: Bytes): Promise<void> {
    return this.batch([{ key, value }]);
  }

  delete(key: string): Promise<boolean> {
    return this.does(() => {
      const there = this.values.has(this.checked(key));
      this.apply({ key, value: undefined });
      return there;
    });
  }

  batch(changes: readonly Change[]): Promise<void> {
    return this.does(() => {
      const last = new Map(changes.map(({ key, value }) => [this.checked(key), value]));
      let growth = 0;
      for (const [key, value] of last) {
        const before = this.values.get(key);
        growth += (value === undefined ? 0 : costOf(key, value)) - (before === undefined ? 0 : costOf(key, before));
      }
      if (growth > 0) this.reserve(growth);
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
    let log = this.logs.get(this.checked(name));
    if (log === undefined) {
      const guard = <T>(work: () => T): Promise<T> => this.does(work);
      log = new MemoryLog(this.space, guard, (bytes) => {
        this.reserve(bytes);
      });
      this.logs.set(name, log);
    }
    return log;
  }

  usage(): { readonly usedBytes: number; readonly limitBytes: number } {
    return { usedBytes: this.space.usedBytes, limitBytes: this.space.limitBytes };
  }

  close(): void {
    this.values.clear();
    this.logs.clear();
    this.space.close();
  }

  /** Runs now; what it throws becomes a rejection. */
  private does<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.space.closed) throw PealError.of(this.errors.CLOSED, { space: this.space.name });
      resolve(work());
    });
  }

  private reserve(bytes: number): void {
    if (this.space.hasRoom(bytes)) return;
    const { name, usedBytes, limitBytes } = this.space;
    throw PealError.of(this.errors.FULL, { bytes, space: name, used: usedBytes, limit: limitBytes });
  }

  private apply({ key, value }: Change): void {
    const before = this.values.get(key);
    if (before !== undefined) this.space.use(-costOf(key, before));
    if (value === undefined) {
      if (this.values.delete(key)) this.stale = true;
      return;
    }
    if (before === undefined) this.stale = true;
    this.values.set(key, value);
    this.space.use(costOf(key, value));
  }

  private keys(): string[] {
    if (this.stale) this.sorted = [...this.values.keys()].sort();
    this.stale = false;
    return this.sorted;
  }

  private checked(key: string): string {
    if (key.length <= MAX_KEY_LENGTH && /^[ -~]+$/.test(key)) return key;
    throw PealError.of(this.errors.KEY, { key: key.slice(0, MAX_KEY_LENGTH) });
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
    private readonly reserve: (bytes: number) => void,
  ) {}

  append(record: Bytes): Promise<number> {
    return this.guard(() => {
      this.reserve(record.length + RECORD_OVERHEAD_BYTES);
      this.space.use(record.length + RECORD_OVERHEAD_BYTES);
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
      const gone = this.records.splice(0, Math.max(0, upTo - this.first + 1));
      this.first += gone.length;
      for (const bytes of gone) this.space.use(-(bytes.length + RECORD_OVERHEAD_BYTES));
    });
  }

  bounds(): { readonly first: number; readonly next: number } {
    return { first: this.first, next: this.first + this.records.length };
  }
}
