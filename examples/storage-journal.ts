// A storage in one file (docs/write-a-storage.md): everything is in memory, every change is a line of JSON in a journal that
// is flushed before a promise resolves, and the next life reads the journal. Good for what fits in memory well.
import { open, readFile, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkedKey, definePlugin, PealError, reasonOf, recordCost, Space, STORAGE_ERRORS } from 'peal/plugin';
import type { AppendLog, Bytes, Change, Entry, LogRecord, Range, Storage, Store } from 'peal/plugin';

const MIB = 1_048_576;

/** One line of the journal. Bytes are base64; null: the key goes. */
type Line = { readonly space: string } & (
  | { readonly put: readonly (readonly [key: string, value: string | null])[] }
  | { readonly log: string; readonly append: string }
  | { readonly log: string; readonly trim: number }
  | { readonly log: string; readonly drop: true }
);

const text = (bytes: Bytes): string => Buffer.from(bytes).toString('base64');
const bytesOf = (base64: string): Bytes => Buffer.from(base64, 'base64');

/** The file: lines of one tick, and those that come while a flush is under way, are flushed together. */
class Journal {
  closed = true;
  private file: FileHandle | undefined;
  private waiting: { line: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  private flushing: Promise<void> | undefined;
  private failure: PealError | undefined;

  constructor(private readonly path: string) {}

  /** The whole lines of the life before. The last one may have been cut off by a crash: nobody was promised it. */
  async read(): Promise<readonly Line[]> {
    const content = await readFile(this.path, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    return content.split('\n').flatMap((line, i, all) => (i === all.length - 1 ? [] : [JSON.parse(line) as Line]));
  }

  /** Begins the journal of this life: the lines that make what is there now, in place of all that led to it. */
  async begin(lines: Iterable<Line>): Promise<void> {
    const fresh = `${this.path}.new`;
    await writeFile(
      fresh,
      Array.from(lines, (line) => `${JSON.stringify(line)}\n`),
      { flush: true },
    );
    await rename(fresh, this.path);
    const folder = await open(dirname(this.path), 'r');
    await folder.sync().finally(() => folder.close());
    this.file = await open(this.path, 'a');
    this.closed = false;
  }

  /** Resolves when the line is on disk. */
  write(line: Line): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ line: `${JSON.stringify(line)}\n`, resolve, reject });
      this.flushing ??= this.flush();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.flushing;
    await this.file?.close();
    this.file = undefined;
  }

  /** Throws when the storage cannot be used. */
  check(space: string): void {
    if (this.closed) throw PealError.of(STORAGE_ERRORS.CLOSED, { space });
    // What is in memory may not be on disk: only a restart tells.
    if (this.failure !== undefined) throw this.failure;
  }

  private async flush(): Promise<void> {
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const group = this.waiting;
      this.waiting = [];
      try {
        if (this.failure !== undefined) throw this.failure;
        await this.file!.appendFile(group.map(({ line }) => line).join(''));
        await this.file!.datasync();
        for (const { resolve } of group) resolve();
      } catch (cause) {
        const values = { space: this.path, detail: reasonOf(cause) };
        const failure = (this.failure ??= PealError.of(STORAGE_ERRORS.FAILED, values, { cause }));
        for (const { reject } of group) reject(failure);
      }
    }
    this.flushing = undefined;
  }
}

interface Log {
  first: number;
  records: Bytes[];
}

/** One plugin's space. `apply` is the only way in which it changes, in this life and when the journal is read. */
class JournalStore implements Store {
  readonly durable = true;
  readonly values = new Map<string, Bytes>();
  readonly kept = new Map<string, Log>();

  constructor(
    readonly space: Space,
    private readonly journal: Journal,
  ) {}

  apply(line: Line): void {
    if ('put' in line) {
      for (const [key, value] of line.put)
        if (value === null) this.values.delete(key);
        else this.values.set(key, bytesOf(value));
      return;
    }
    const log = this.logOf(line.log);
    this.kept.set(line.log, log);
    if ('append' in line) log.records.push(bytesOf(line.append));
    else if ('trim' in line) {
      log.records.splice(0, line.trim - log.first + 1);
      log.first = line.trim + 1;
    } else this.kept.delete(line.log);
  }

  /** The lines that make this space. */
  *lines(): Iterable<Line> {
    const space = this.space.name;
    for (const [key, value] of this.values) yield { space, put: [[key, text(value)]] };
    for (const [log, { first, records }] of this.kept) {
      yield { space, log, trim: first - 1 };
      for (const record of records) yield { space, log, append: text(record) };
    }
  }

  /** What all of it costs; for the account after the journal was read. */
  cost(): number {
    let cost = 0;
    for (const [key, value] of this.values) cost += recordCost(key.length, value.length);
    for (const { records } of this.kept.values()) for (const record of records) cost += recordCost(0, record.length);
    return cost;
  }

  get(key: string): Promise<Bytes | undefined> {
    return this.does(() => this.values.get(checkedKey(key)));
  }

  put(key: string, value: Bytes): Promise<void> {
    return this.batch([{ key, value }]);
  }

  delete(key: string): Promise<boolean> {
    return this.does(async () => {
      const there = this.values.has(checkedKey(key));
      if (there) await this.batch([{ key, value: undefined }]);
      return there;
    });
  }

  batch(changes: readonly Change[]): Promise<void> {
    return this.does(() => {
      const last = new Map(changes.map(({ key, value }) => [checkedKey(key), value]));
      const cost = (key: string, value?: Bytes): number => (value ? recordCost(key.length, value.length) : 0);
      let growth = 0;
      for (const [key, value] of last) growth += cost(key, value) - cost(key, this.values.get(key));
      const put = [...last].map(([key, value]) => [key, value === undefined ? null : text(value)] as const);
      return this.change({ space: this.space.name, put }, growth);
    });
  }

  range({ from = '', to = '\x7f', limit = Infinity, reverse = false }: Range): AsyncIterable<Entry> {
    const entries = this.does(() => {
      const keys = [...this.values.keys()].filter((key) => key >= from && key < to).sort();
      if (reverse) keys.reverse();
      return keys.slice(0, limit).map((key) => ({ key, value: this.values.get(key)! }));
    });
    entries.catch(() => undefined);
    return {
      async *[Symbol.asyncIterator]() {
        yield* await entries;
      },
    };
  }

  log(name: string): AppendLog {
    checkedKey(name);
    const space = this.space.name;
    const forget = (upTo: number, line: Line): Promise<void> => {
      const { first, records } = this.logOf(name);
      const gone = records.slice(0, Math.max(0, upTo - first + 1));
      return this.change(line, -gone.reduce((sum, record) => sum + recordCost(0, record.length), 0));
    };
    return {
      append: (record) =>
        this.does(async () => {
          const number = this.bounds(name).next;
          await this.change({ space, log: name, append: text(record) }, recordCost(0, record.length));
          return number;
        }),
      read: (from, maxBytes) => this.does(() => this.read(name, from, maxBytes)),
      trim: (upTo) =>
        this.does(async () => {
          const { first, next } = this.bounds(name);
          const end = Math.min(upTo, next - 1);
          if (end >= first) await forget(end, { space, log: name, trim: end });
        }),
      drop: () => this.does(() => forget(Infinity, { space, log: name, drop: true })),
      bounds: () => this.bounds(name),
    };
  }

  logs(): Promise<readonly string[]> {
    return this.does(() => [...this.kept.keys()].sort());
  }

  usage(): { readonly usedBytes: number; readonly limitBytes: number } {
    return { usedBytes: this.space.usedBytes, limitBytes: this.space.limitBytes };
  }

  private logOf(name: string): Log {
    return this.kept.get(name) ?? { first: 1, records: [] };
  }

  private bounds(name: string): { readonly first: number; readonly next: number } {
    const { first, records } = this.logOf(name);
    return { first, next: first + records.length };
  }

  private read(name: string, from: number, maxBytes: number): LogRecord[] {
    const { first, records } = this.logOf(name);
    const found: LogRecord[] = [];
    let total = 0;
    for (const [i, bytes] of records.entries()) {
      if (first + i < from) continue;
      total += bytes.length;
      if (found.length > 0 && total > maxBytes) break;
      found.push({ number: first + i, bytes });
    }
    return found;
  }

  /** Runs now, so that calls take effect in their order; what it throws becomes a rejection. */
  private does<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.journal.check(this.space.name);
      resolve(work());
    });
  }

  /** Throws when there is no room; else it is seen at once, and promised when it is on disk. */
  private change(line: Line, growth: number): Promise<void> {
    this.space.use(growth);
    this.apply(line);
    return this.journal.write(line);
  }
}

export default definePlugin({
  kind: 'storage',
  name: 'journal',
  api: '^1',
  doc: 'Keeps records in memory and every change in a journal on disk.',
  options: {
    path: { type: 'path', required: true, doc: 'The journal.' },
    limit_bytes: { type: 'bytes', default: 16 * MIB, min: 4096, doc: 'Most that all spaces together may hold.' },
  },
  create(scope): Storage {
    const { path, limitBytes } = scope.options;
    const whole = new Space('all spaces', limitBytes);
    const journal = new Journal(path);
    const stores = new Map<string, JournalStore>();
    const space = (name: string, limit = limitBytes): JournalStore => {
      const store = stores.get(name) ?? new JournalStore(new Space(checkedKey(name), limitBytes, whole), journal);
      store.space.narrow(limit);
      stores.set(name, store);
      return store;
    };
    return {
      space,
      start: async () => {
        for (const line of await journal.read()) space(line.space).apply(line);
        // What an older life left may be more than the limit is now: it is kept, and nothing new fits.
        for (const store of stores.values()) store.space.take(store.cost());
        await journal.begin([...stores.values()].flatMap((store) => [...store.lines()]));
      },
      stop: () => journal.close(),
      describe: () => ({ used_bytes: whole.usedBytes, limit_bytes: limitBytes, spaces: stores.size }),
    };
  },
});
