// Name fields as bytes, and a table keyed by them (docs/design/groups.md, 8.1). Every field here is canonical: 32
// bytes, zero behind its NUL. Looking up a destination makes no string: names are hashed and compared in place.
import type { Bytes } from '../types.js';
import { NAME_BYTES, readName, writeName } from '../../wire/frame.js';
import { NAME_BYTE_HIGH, NAME_BYTE_LOW, PRIVATE_NAME_BYTES } from '../../wire/name.js';

const HASH = 0x23;
/** Entries in one chain before further ones go to the string map: bounds what chosen names can cost. */
const MAX_CHAIN = 8;
const FIRST_BUCKETS = 64;

/** A fresh 32-byte field of that name. */
export function nameField(name: string): Bytes {
  const b = new Uint8Array(NAME_BYTES);
  writeName(b, 0, name);
  return b;
}

export function sameName(a: Bytes, at: number, b: Bytes, bt: number): boolean {
  for (let i = 0; i < NAME_BYTES; i++) {
    const c = a[at + i]!;
    if (c !== b[bt + i]) return false;
    if (c === 0) return true;
  }
  return true;
}

/** Bytewise order: negative, 0 or positive. */
export function compareNames(a: Bytes, at: number, b: Bytes, bt: number): number {
  for (let i = 0; i < NAME_BYTES; i++) {
    const c = a[at + i]!;
    const d = c - b[bt + i]!;
    if (d !== 0) return d;
    if (c === 0) return 0;
  }
  return 0;
}

/** Is the field at `at` a legal private group of the daemon whose name and final NUL are `daemon`? */
export function isPrivateGroupOf(b: Bytes, at: number, daemon: Bytes): boolean {
  if (b[at] !== HASH) return false;
  let n = 1;
  for (; b[at + n] !== HASH; n++) {
    const c = b[at + n]!;
    if (n > PRIVATE_NAME_BYTES || c < NAME_BYTE_LOW || c > NAME_BYTE_HIGH) return false;
  }
  if (n === 1) return false;
  for (let i = 0; i < daemon.length; i++) if (b[at + n + 1 + i] !== daemon[i]) return false;
  return true;
}

/** The bytes of a daemon's name and its NUL, for `isPrivateGroupOf`. */
export function daemonSuffix(name: string): Bytes {
  return nameField(name).subarray(0, name.length + 1);
}

interface Entry<T> {
  readonly hash: number;
  readonly key: Bytes;
  readonly value: T;
  next: Entry<T> | undefined;
}

/**
 * Maps name fields to values, in no order. A key is present once.
 *
 * Where keys come and go a Map is no place for much: it is copied over and over, each dead copy refers to the next and to all that was in
 * it, and once one of them is old nothing of that is collected soon. Joins and leaves, with Maps of groups: a third of a daemon's time
 * in small collections that copied groups long gone, 21 us for both at three daemons; with tables 15.
 */
export class NameTable<T> {
  #buckets: (Entry<T> | undefined)[];
  #chained = 0;
  /** Rises with every change: whoever remembers an answer compares it. */
  version = 0;
  readonly #beyond = new Map<string, T>();

  /** `buckets`: to begin with, a power of two. */
  constructor(buckets = FIRST_BUCKETS) {
    this.#buckets = new Array<Entry<T> | undefined>(buckets).fill(undefined);
  }

  get size(): number {
    return this.#chained + this.#beyond.size;
  }

  values(): T[] {
    const all = [...this.#beyond.values()];
    for (const first of this.#buckets) for (let e = first; e !== undefined; e = e.next) all.push(e.value);
    return all;
  }

  get(b: Bytes, at: number): T | undefined {
    const hash = hashName(b, at);
    let e = this.#buckets[hash & (this.#buckets.length - 1)];
    for (; e !== undefined; e = e.next) if (e.hash === hash && sameName(e.key, 0, b, at)) return e.value;
    return this.#beyond.size === 0 ? undefined : this.#beyond.get(readName(b, at));
  }

  /** `key` must not be present, and must not change any more. */
  add(key: Bytes, value: T): void {
    this.version++;
    if (this.#chained >= this.#buckets.length) this.#grow();
    const hash = hashName(key, 0);
    if (!this.#chain({ hash, key, value, next: undefined })) this.#beyond.set(readName(key, 0), value);
  }

  /** False: it was not there. */
  delete(key: Bytes): boolean {
    this.version++;
    const hash = hashName(key, 0);
    const i = hash & (this.#buckets.length - 1);
    let before: Entry<T> | undefined;
    for (let e = this.#buckets[i]; e !== undefined; before = e, e = e.next) {
      if (e.hash !== hash || !sameName(e.key, 0, key, 0)) continue;
      if (before === undefined) this.#buckets[i] = e.next;
      else before.next = e.next;
      this.#chained--;
      return true;
    }
    return this.#beyond.delete(readName(key, 0));
  }

  /** False when the chain is full. */
  #chain(entry: Entry<T>): boolean {
    const i = entry.hash & (this.#buckets.length - 1);
    let length = 0;
    for (let e = this.#buckets[i]; e !== undefined; e = e.next) length++;
    if (length >= MAX_CHAIN) return false;
    entry.next = this.#buckets[i];
    this.#buckets[i] = entry;
    this.#chained++;
    return true;
  }

  #grow(): void {
    const old = this.#buckets;
    this.#buckets = new Array<Entry<T> | undefined>(old.length * 2).fill(undefined);
    this.#chained = 0;
    for (const first of old) {
      for (let e = first; e !== undefined;) {
        const next: Entry<T> | undefined = e.next;
        if (!this.#chain(e)) this.#beyond.set(readName(e.key, 0), e.value);
        e = next;
      }
    }
  }
}

/** FNV-1a over the bytes before the NUL, with a last mix since buckets take the low bits. */
function hashName(b: Bytes, at: number): number {
  let h = 0x811c9dc5;
  for (let i = at; i < at + NAME_BYTES; i++) {
    const c = b[i]!;
    if (c === 0) break;
    h = Math.imul(h ^ c, 0x01000193);
  }
  return (h ^ (h >>> 15)) >>> 0;
}
