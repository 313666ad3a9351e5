// What a site keeps in durable storage, record by record (docs/design/flood.md, section 12), and how an earlier life is read
// back. Keys are printable ASCII: names in them are percent-encoded. Values are frames and lists as they are on the wire.
//
//   i                               own incarnation, a decimal
//   l/GROUP/ORIGIN/INCARNATION      what was seen: (:have ...) (:abandoned (first last) ...) (:dropped (first last) ...)
//   u/ORIGIN/INCARNATION/SEQUENCE   an update on its way, a DATA frame
//   q/ORIGIN/INCARNATION/SEQUENCE   who waits for it: (:queue "site" ...), and (:export) if export does
import type { Bytes } from 'peal/plugin';
import type { Data, Frame } from '../wire/frames.js';
import { readHaveRecord } from '../wire/read.js';
import { FrameStream } from '../wire/reader.js';
import { type List, quoted, readLists, written } from '../wire/sexp.js';
import { dataHead, haveLists } from '../wire/write.js';
import type { Group } from './group.js';
import type { OriginRecord } from './received.js';
import type { Ranges } from './ranges.js';
import { type Stored, updateKey, type UpdateStore } from './store.js';
import type { UpdateId } from './types.js';

export const INCARNATION_KEY = 'i';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const logKey = (group: string, r: { readonly origin: string; readonly incarnation: number }): string =>
  `l/${encodeURIComponent(group)}/${encodeURIComponent(r.origin)}/${r.incarnation}`;

const idPart = (id: UpdateId): string => `${encodeURIComponent(id.origin)}/${id.incarnation}/${id.sequence}`;
export const updateRecordKey = (id: UpdateId): string => `u/${idPart(id)}`;
export const queueRecordKey = (id: UpdateId): string => `q/${idPart(id)}`;

/** Value to be stored under that key now; undefined: none. */
export function recordOf(
  key: string,
  incarnation: number,
  groups: ReadonlyMap<string, Group>,
  store: UpdateStore,
): Bytes | undefined {
  const [kind, ...parts] = key.split('/');
  if (kind === INCARNATION_KEY) return encoder.encode(written(incarnation));
  if (kind === 'l') {
    const [group, origin, of] = parts.map(decodeURIComponent) as [string, string, string];
    const r = groups.get(group)?.log.get(origin, Number(of));
    return r === undefined ? undefined : encoder.encode(logText(r));
  }
  const [origin, of, sequence] = parts.map(decodeURIComponent) as [string, string, string];
  const s = store.get(updateKey({ origin, incarnation: Number(of), sequence: Number(sequence) }));
  if (s === undefined) return undefined;
  return kind === 'q' ? encoder.encode(queueText(s)) : updateBytes(s);
}

function logText(r: OriginRecord): string {
  const list = (key: string, ranges: Ranges): string =>
    ranges.length === 0 ? '' : `(:${key}${ranges.map(([a, b]) => ` (${written(a)} ${written(b)})`).join('')})`;
  return haveLists([r]) + list('abandoned', r.abandoned) + list('dropped', r.dropped);
}

function queueText(s: Stored): string {
  const sites = [...s.waiting].map((name) => ` ${quoted(name)}`).join('');
  return `(:queue${sites})${s.exporting ? '(:export)' : ''}`;
}

function updateBytes(s: Stored): Bytes {
  const head = dataHead(s.data, s.bytes.length);
  const whole = new Uint8Array(head.length + s.bytes.length);
  whole.set(head);
  whole.set(s.bytes, head.length);
  return whole;
}

/** An update of an earlier life, and who waited for it. */
export interface Kept {
  readonly data: Data;
  readonly bytes: Bytes;
  readonly sites: readonly string[];
  readonly exporting: boolean;
}

export interface EarlierLife {
  readonly incarnation: number;
  readonly updates: readonly Kept[];
  /** Keys of what is of no use: to be deleted. */
  readonly useless: readonly string[];
}

/** Reads records; what was seen goes straight into the logs of the groups. */
export function readRecords(
  records: Iterable<readonly [key: string, value: Bytes]>,
  groups: ReadonlyMap<string, Group>,
  updateMaxBytes: number,
  nowMs: number,
): EarlierLife {
  let incarnation = 0;
  const useless: string[] = [];
  const data = new Map<string, Data & { readonly payload: Bytes }>();
  const queues = new Map<string, readonly List[]>();
  for (const [key, value] of records) {
    const [kind, ...parts] = key.split('/');
    const id = parts.join('/');
    const lists = kind === 'u' ? undefined : readLists(decoder.decode(value));
    const update = kind === 'u' ? readUpdate(value, updateMaxBytes) : undefined;
    if (kind === INCARNATION_KEY) incarnation = Number(decoder.decode(value)) || 0;
    else if (update !== undefined && updateRecordKey(update) === key) data.set(id, update);
    else if (kind === 'q' && lists !== undefined) queues.set(id, lists);
    else if (kind !== 'l' || lists === undefined || !readLog(key, lists, groups, nowMs)) useless.push(key);
  }
  const updates: Kept[] = [];
  for (const [id, lists] of queues) {
    const d = data.get(id);
    if (d === undefined) {
      useless.push(`q/${id}`);
      continue;
    }
    const { payload, ...head } = d;
    const sites = (lists.find((l) => l.key === 'queue')?.values ?? []).filter((v) => typeof v === 'string');
    updates.push({ data: head, bytes: payload, sites, exporting: lists.some((l) => l.key === 'export') });
  }
  for (const id of data.keys()) if (!queues.has(id)) useless.push(`u/${id}`);
  updates.sort((a, b) => a.data.created - b.data.created || a.data.sequence - b.data.sequence);
  return { incarnation, updates, useless };
}

function readUpdate(value: Bytes, updateMaxBytes: number): (Data & { readonly payload: Bytes }) | undefined {
  const frames: Frame[] = [];
  const fault = new FrameStream(updateMaxBytes, (f) => frames.push(f)).push(value, 0);
  const [f] = frames;
  if (fault !== undefined || f?.kind !== 'data' || f.payload === undefined) return undefined;
  const { payload, payloadBytes: _, ...head } = f;
  return { ...head, payload };
}

function readLog(key: string, lists: readonly List[], groups: ReadonlyMap<string, Group>, nowMs: number): boolean {
  const have = readHaveRecord(lists);
  const group = [...groups.values()].find((g) => have !== undefined && logKey(g.name, have) === key);
  if (have === undefined || group === undefined) return false;
  group.log.restore(have, rangesOf(lists, 'abandoned'), rangesOf(lists, 'dropped'), nowMs);
  return true;
}

function rangesOf(lists: readonly List[], key: string): Ranges {
  return (lists.find((l) => l.key === key)?.values ?? []).flatMap((v) => {
    if (typeof v !== 'object') return [];
    const [first, last] = v.values;
    return typeof first === 'number' && typeof last === 'number' ? [[first, last] as const] : [];
  });
}
