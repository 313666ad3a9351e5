// Typed access to the lists of a header: a field that is absent, of another type or out of range makes the whole frame
// malformed. Every reader throws Malformed inside and `attempt` turns it into undefined, so that readers stay readable.
import type { SiteDefinition } from '../machine/settings.js';
import { MAX_HOSTNAME_BYTES, MAX_NAME_BYTES } from './limits.js';
import type { List, Value } from './sexp.js';

class Malformed extends Error {}

/** The value of `read`, undefined when something in it was malformed. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof Malformed) return undefined;
    throw fault;
  }
}

/** Ends the frame under way as malformed. */
export function malformed(what: string): never {
  throw new Malformed(what);
}

const encoder = new TextEncoder();
const CONTROL = /\p{Cc}/u;

/** A site or group name. */
export function nameOf(v: Value | undefined): string {
  const text = textOf(v, MAX_NAME_BYTES);
  if (text === '') malformed('an empty name');
  return text;
}

/** A text without control characters. */
export function textOf(v: Value | undefined, maxBytes: number): string {
  if (typeof v !== 'string') malformed('no text');
  if (v.length > maxBytes || CONTROL.test(v) || encoder.encode(v).length > maxBytes) malformed('no fit text');
  return v;
}

/** A whole number, both ends included. */
export function wholeOf(v: Value | undefined, from: number, to: number): number {
  if (typeof v !== 'number' || !Number.isSafeInteger(v) || v < from || v > to) malformed('no such number');
  return v;
}

export function numberOf(v: Value | undefined, from: number, to: number): number {
  if (typeof v !== 'number' || !(v >= from && v <= to)) malformed('no such number');
  return v;
}

export function listOf(v: Value | undefined): List {
  if (typeof v !== 'object') malformed('no list');
  return v;
}

/** A sequence number or an incarnation; 0 only where nothing is meant. */
export function countOf(v: Value | undefined, from = 0): number {
  return wholeOf(v, from, Number.MAX_SAFE_INTEGER);
}

/** The fields of a list, each a list with a keyword; of two with one keyword the first counts, those unknown are ignored. */
export class Fields {
  constructor(private readonly lists: readonly Value[]) {}

  optional(key: string): List | undefined {
    for (const v of this.lists) if (typeof v === 'object' && v.key === key) return v;
    return undefined;
  }

  list(key: string): List {
    return this.optional(key) ?? malformed(`no ${key}`);
  }

  value(key: string): Value | undefined {
    return this.list(key).values[0];
  }

  name(key: string): string {
    return nameOf(this.value(key));
  }

  text(key: string, maxBytes: number): string {
    return textOf(this.value(key), maxBytes);
  }

  whole(key: string, from: number, to: number): number {
    return wholeOf(this.value(key), from, to);
  }

  count(key: string, from = 0): number {
    return countOf(this.value(key), from);
  }

  site(): SiteDefinition {
    const address = this.optional('inet-address');
    const longitude = this.optional('longitude');
    const latitude = this.optional('latitude');
    return {
      name: this.name('site-name'),
      hostname: this.text('hostname', MAX_HOSTNAME_BYTES),
      ...(address === undefined ? {} : { inetAddress: textOf(address.values[0], 45) }),
      clientPort: this.whole('client-port', 1, 65_535),
      dataPort: this.whole('data-port', 1, 65_535),
      ...(longitude === undefined ? {} : { longitude: numberOf(longitude.values[0], -180, 180) }),
      ...(latitude === undefined ? {} : { latitude: numberOf(latitude.values[0], -90, 90) }),
    };
  }
}
