// One log of a space: a record of the tree per record, and its bounds in a record of their own, written with every change.
import { type AppendLog, type Bytes, type LogRecord, recordCost } from 'peal/plugin';
import type { Database, Write } from './database.js';
import { logBoundsKey, logRecordKey } from './keys.js';
import type { LmdbStore } from './store.js';

interface Bounds {
  readonly first: number;
  readonly next: number;
}

export class LmdbLog implements AppendLog {
  /** As the last call left them; undefined: as the tree has them. */
  private known: Bounds | undefined;

  constructor(
    private readonly name: string,
    private readonly store: LmdbStore,
  ) {}

  append(record: Bytes): Promise<number> {
    return this.store.does(async (db) => {
      const { first, next } = this.boundsIn(db);
      const written = this.store.write(
        [{ key: this.keyOf(next), value: record }, this.boundsWrite({ first, next: next + 1 })],
        recordCost(0, record.length),
      );
      await this.moved({ first, next: next + 1 }, written);
      return next;
    });
  }

  read(from: number, maxBytes: number): Promise<readonly LogRecord[]> {
    return this.store.does((db) => {
      const { first, next } = this.boundsIn(db);
      const found: LogRecord[] = [];
      let total = 0;
      for (let number = Math.max(from, first); number < next; number++) {
        const bytes = db.get(this.keyOf(number))!;
        total += bytes.length;
        if (found.length > 0 && total > maxBytes) break;
        found.push({ number, bytes });
      }
      return found;
    });
  }

  trim(upTo: number): Promise<void> {
    return this.store.does(async (db) => {
      const { first, next } = this.boundsIn(db);
      const end = Math.min(upTo + 1, next);
      if (end <= first) return;
      const bounds = { first: end, next };
      await this.shorten(db, first, end, this.boundsWrite(bounds), bounds);
    });
  }

  drop(): Promise<void> {
    return this.store.does(async (db) => {
      const { first, next } = this.boundsIn(db);
      if (next === 1) return;
      const gone = { key: logBoundsKey(this.store.space.name, this.name), value: undefined };
      await this.shorten(db, first, next, gone, { first: 1, next: 1 });
    });
  }

  bounds(): Bounds {
    return this.boundsIn(this.store.database());
  }

  /** The tree knows better. */
  forget(): void {
    this.known = undefined;
  }

  private shorten(db: Database, first: number, end: number, last: Write, bounds: Bounds): Promise<void> {
    const writes: Write[] = [];
    let freed = 0;
    for (let number = first; number < end; number++) {
      const key = this.keyOf(number);
      freed += recordCost(0, db.get(key)!.length);
      writes.push({ key, value: undefined });
    }
    return this.moved(bounds, this.store.write([...writes, last], -freed));
  }

  /** Notes the new bounds at once, unless the write was refused. */
  private moved(bounds: Bounds, written: Promise<void>): Promise<void> {
    this.known = bounds;
    return written;
  }

  private boundsIn(db: Database): Bounds {
    if (this.known === undefined) {
      const text = db.get(logBoundsKey(this.store.space.name, this.name));
      const [first = 1, next = 1] = text === undefined ? [] : Buffer.from(text).toString().split(' ').map(Number);
      this.known = { first, next };
    }
    return this.known;
  }

  private boundsWrite({ first, next }: Bounds): Write {
    return { key: logBoundsKey(this.store.space.name, this.name), value: Buffer.from(`${first} ${next}`) };
  }

  private keyOf(number: number): string {
    return logRecordKey(this.store.space.name, this.name, number);
  }
}
