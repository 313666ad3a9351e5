// Contract of the storage kind: keeps records and logs for other plugins, each in a space of its own. Durability is
// what the plugin promises in its README: a promise here resolves when it holds (memory: at once; a file: after the
// system says it is written). Nobody waits for storage on the path of messages.
import type { Bytes } from '../machine/types.js';
import type { Part } from './define.js';
import { token, type Token } from './ports.js';

/** Longest key, in characters; a key is 1 to 255 characters from 0x20 to 0x7e and keys are ordered by code. */
export const MAX_KEY_LENGTH = 255;

/** What one record costs beyond its key and value when space is accounted, in bytes. */
export const RECORD_OVERHEAD_BYTES = 512;

export interface Entry {
  readonly key: string;
  readonly value: Bytes;
}

/** `value` undefined: delete. */
export interface Change {
  readonly key: string;
  readonly value: Bytes | undefined;
}

export interface Range {
  /** First key, inclusive; absent: from the start. */
  readonly from?: string;
  /** End, exclusive; absent: to the end. */
  readonly to?: string;
  /** At most that many entries; absent: no limit. */
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** A record of a log with its number. */
export interface LogRecord {
  readonly number: number;
  readonly bytes: Bytes;
}

/** Records in order of arrival, numbered from 1 without a gap; numbers are never used again, not after a `trim` either. */
export interface AppendLog {
  /** Takes effect in the order of calls. Rejects with PEAL_STORAGE_FULL and changes nothing when there is no room. */
  append(record: Bytes): Promise<number>;
  /** From number `from` on, whole records up to `maxBytes` together, but at least one if there is one. */
  read(from: number, maxBytes: number): Promise<readonly LogRecord[]>;
  /** Forgets records up to and including `upTo`. */
  trim(upTo: number): Promise<void>;
  /** First number kept, and the number of the next append; equal when the log is empty. */
  bounds(): { readonly first: number; readonly next: number };
  /** Forgets the log itself: what is appended later is a new log, numbered from 1. */
  drop(): Promise<void>;
}

/**
 * One plugin's space. Calls take effect in the order in which they are made; reads see all earlier writes. Bytes are
 * given away at `put` and shared at `get`: nobody changes them. Values are accounted as key + value + 512 bytes.
 */
export interface Store {
  /** What was promised is there in the next life of the daemon. */
  readonly durable?: boolean;
  get(key: string): Promise<Bytes | undefined>;
  /** Rejects with PEAL_STORAGE_FULL and changes nothing when the space's limit would be passed. */
  put(key: string, value: Bytes): Promise<void>;
  /** Was it there? */
  delete(key: string): Promise<boolean>;
  /** All changes or none, in order. */
  batch(changes: readonly Change[]): Promise<void>;
  /** Entries as they were at the call, in order of keys. It may hold all of them in memory: walk a large space in parts. */
  range(range: Range): AsyncIterable<Entry>;
  /** The log of that name (a key), empty at first; the same one at every call. */
  log(name: string): AppendLog;
  /** Names of the logs that were appended to and not dropped, in order; those of a former life of the daemon too. */
  logs(): Promise<readonly string[]>;
  /** Bytes accounted now, logs included, and the most there may be. */
  usage(): { readonly usedBytes: number; readonly limitBytes: number };
}
/** The space of the plugin that asks; from the storage plugin that its section chooses with `storage = NAME`. */
export const Store: Token<Store> = token('Store');

/**
 * What a storage plugin is. After `stop` every call to a store rejects with PEAL_STORAGE_CLOSED. A write that the outside
 * refuses (a full disk) rejects with PEAL_STORAGE_FAILED, and so do all writes called after it that were not yet done:
 * nothing of them holds.
 */
export interface Storage extends Part {
  /**
   * The space of that name; the same one at every call. `limitBytes` narrows the plugin's own limit for this space.
   * May be asked for before `start`; what it gives works between `start` and `stop`.
   */
  space(name: string, limitBytes?: number): Store;
}
