// One plugin's space in the tree (core/plugin/storage.ts). Every call is checked, accounted and handed to the database at
// once, in the order of calls; the accounted bytes are written in the same transaction as what they account.
import {
  type AppendLog,
  type Bytes,
  type Change,
  checkedKey,
  type Entry,
  PealError,
  type Range,
  reasonOf,
  recordCost,
  type Space,
  STORAGE_ERRORS,
  type Store,
} from 'peal/plugin';
import type { Database, Write } from './database.js';
import { keyOfRecord, logBoundsKeys, logOfBounds, recordKey, recordKeys, usageKey } from './keys.js';
import { LmdbLog } from './log.js';

/** The database, once it is open and while it is. */
export type Opened = () => Database | undefined;

export class LmdbStore implements Store {
  readonly durable = true;
  private readonly named = new Map<string, LmdbLog>();

  constructor(
    readonly space: Space,
    private readonly opened: Opened,
  ) {}

  get(key: string): Promise<Bytes | undefined> {
    return this.does((db) => db.get(this.keyOf(key)));
  }

  put(key: string, value: Bytes): Promise<void> {
    return this.batch([{ key, value }]);
  }

  delete(key: string): Promise<boolean> {
    return this.does(async (db) => {
      const at = this.keyOf(key);
      const before = db.get(at);
      if (before === undefined) return false;
      await this.write([{ key: at, value: undefined }], -recordCost(key.length, before.length));
      return true;
    });
  }

  batch(changes: readonly Change[]): Promise<void> {
    return this.does((db) => {
      const last = new Map(changes.map(({ key, value }) => [checkedKey(key), value]));
      let growth = 0;
      const writes: Write[] = [];
      for (const [key, value] of last) {
        const at = this.keyOf(key);
        growth += costOf(key, value) - costOf(key, db.get(at));
        writes.push({ key: at, value });
      }
      return writes.length === 0 ? undefined : this.write(writes, growth);
    });
  }

  range({ from, to, limit, reverse }: Range): AsyncIterable<Entry> {
    const entries = this.does((db) => {
      const found = db.range(recordKeys(this.space.name, from, to), limit, reverse);
      return found.map(({ key, value }) => ({ key: keyOfRecord(this.space.name, key), value }));
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
    let log = this.named.get(checkedKey(name));
    if (log === undefined) {
      log = new LmdbLog(name, this);
      this.named.set(name, log);
    }
    return log;
  }

  logs(): Promise<readonly string[]> {
    const { name } = this.space;
    return this.does((db) => db.range(logBoundsKeys(name)).map(({ key }) => logOfBounds(name, key)));
  }

  usage(): { readonly usedBytes: number; readonly limitBytes: number } {
    return { usedBytes: this.space.usedBytes, limitBytes: this.space.limitBytes };
  }

  /** What logs know was not written: they look again. */
  forget(): void {
    for (const log of this.named.values()) log.forget();
  }

  /** Runs now; what it throws becomes a rejection. */
  does<T>(work: (db: Database) => T | Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      resolve(work(this.database()));
    });
  }

  /** Throws PEAL_STORAGE_CLOSED before start and after stop. */
  database(): Database {
    const db = this.opened();
    if (db === undefined) throw PealError.of(STORAGE_ERRORS.CLOSED, { space: this.space.name });
    return db;
  }

  /** Accounts and writes. Throws PEAL_STORAGE_FULL at once and changes nothing; rejects with PEAL_STORAGE_FAILED. */
  write(writes: readonly Write[], growth: number): Promise<void> {
    const { space } = this;
    const db = this.database();
    space.use(growth);
    const usage = { key: usageKey(space.name), value: Buffer.from(String(space.usedBytes)) };
    return db.write([...writes, usage]).catch((cause: unknown) => {
      throw PealError.of(STORAGE_ERRORS.FAILED, { space: space.name, detail: reasonOf(cause) }, { cause });
    });
  }

  private keyOf(key: string): string {
    return recordKey(this.space.name, checkedKey(key));
  }
}

function costOf(key: string, value: Bytes | undefined): number {
  return value === undefined ? 0 : recordCost(key.length, value.length);
}
