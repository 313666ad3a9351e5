// What every storage needs (core/plugin/storage.ts): keys that are checked, and bytes that are accounted under a limit,
// in the space of one plugin and in the storage as a whole.
import { PealError, STORAGE_ERRORS } from '../errors.js';
import { MAX_KEY_LENGTH, RECORD_OVERHEAD_BYTES } from './storage.js';

/** The key itself; PEAL_STORAGE_KEY is thrown for what is none. */
export function checkedKey(key: string): string {
  if (key.length <= MAX_KEY_LENGTH && /^[ -~]+$/.test(key)) return key;
  throw PealError.of(STORAGE_ERRORS.KEY, { key: key.slice(0, MAX_KEY_LENGTH) });
}

/** What a record of `valueBytes` is accounted with; the records of logs have no key. */
export function recordCost(keyLength: number, valueBytes: number): number {
  return keyLength + valueBytes + RECORD_OVERHEAD_BYTES;
}

/** Accounted bytes with a limit; a space inside another uses up both. */
export class Space {
  usedBytes = 0;
  closed = false;

  constructor(
    readonly name: string,
    private limit: number,
    private readonly outer?: Space,
  ) {}

  get limitBytes(): number {
    return this.limit;
  }

  /** At most that many from now on; what is used stays. A higher limit than before changes nothing. */
  narrow(limitBytes: number): void {
    this.limit = Math.min(this.limit, limitBytes);
  }

  /** May that many more be used, here and outside? */
  hasRoom(bytes: number): boolean {
    return this.usedBytes + bytes <= this.limitBytes && (this.outer?.hasRoom(bytes) ?? true);
  }

  /** Uses that many more, or throws PEAL_STORAGE_FULL and changes nothing; zero or negative: gives back. */
  use(bytes: number): void {
    if (bytes > 0 && !this.hasRoom(bytes)) {
      const values = { bytes, space: this.name, used: this.usedBytes, limit: this.limitBytes };
      throw PealError.of(STORAGE_ERRORS.FULL, values);
    }
    this.add(bytes);
  }

  /** Accounts what is there already, whatever the limit: records of a former life. */
  take(bytes: number): void {
    this.add(bytes);
  }

  /** Throws PEAL_STORAGE_CLOSED after `close`. */
  assertOpen(): void {
    if (this.closed) throw PealError.of(STORAGE_ERRORS.CLOSED, { space: this.name });
  }

  /** Nothing is used any more, and nothing may be. */
  close(): void {
    this.add(-this.usedBytes);
    this.closed = true;
  }

  private add(bytes: number): void {
    this.usedBytes += bytes;
    this.outer?.add(bytes);
  }
}
