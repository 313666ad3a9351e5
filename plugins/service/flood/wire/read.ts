// Reads and checks the headers and text payloads of frames (docs/design/flood.md, section 3). What is malformed is
// undefined: the connection ends, nothing else happens. Numbers, names and counts are bounded here, not by who uses them.
import type { Bytes } from 'peal/plugin';
import { attempt, countOf, Fields, listOf, malformed, nameOf, numberOf, wholeOf } from './fields.js';
import {
  type ControlFrame,
  type Data,
  type ErrorFrame,
  type EstimatedLink,
  type HaveOrigin,
  PURPOSES,
} from './frames.js';
import { MAX_ACKS, MAX_GROUPS, MAX_HOPS, MAX_REASON_CHARACTERS, type FrameKind } from './limits.js';
import { type List, readLists } from './sexp.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const U32 = 0xffffffff;
/** Characters of a reason, three bytes each at most, with room for what others may write. */
const MAX_REASON_BYTES = 4 * MAX_REASON_CHARACTERS;
/** Ranges above the low-water mark of one origin. */
const MAX_RANGES = 4096;
const MAX_RTT_MS = 86_400_000;
const MAX_BANDWIDTH = 1e15;
const MAX_COST = 1e12;

/** Lists of a text; undefined: not UTF-8, or malformed. */
function lists(bytes: Bytes): readonly List[] | undefined {
  try {
    return readLists(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

/** The one list of a header. */
function header(bytes: Bytes): List | undefined {
  const all = lists(bytes);
  return all?.length === 1 && all[0]!.key === '' ? all[0] : undefined;
}

/** Head of an update. */
export function readData(bytes: Bytes): Data | undefined {
  const h = header(bytes);
  return h === undefined ? undefined : attempt(() => data(new Fields(h.values)));
}

function data(f: Fields): Data {
  const sequence = f.count('seq', 1);
  const since = f.optional('since');
  return {
    kind: 'data',
    origin: f.name('origin'),
    incarnation: f.count('incarnation', 1),
    sequence,
    scope: f.name('scope'),
    hops: f.whole('hops', 0, MAX_HOPS),
    created: f.count('created'),
    since: since === undefined ? sequence - 1 : wholeOf(since.values[0], 0, sequence - 1),
    sinceOf: (since?.values.slice(1, MAX_GROUPS + 1) ?? []).map((v) => {
      const [group, n] = listOf(v).values;
      return [nameOf(group), wholeOf(n, 0, sequence - 1)] as const;
    }),
  };
}

/** Number of a bandwidth probe. */
export function readProbeId(bytes: Bytes): number | undefined {
  const h = header(bytes);
  return h === undefined ? undefined : attempt(() => new Fields(h.values).whole('id', 0, U32));
}

/** Any frame but data and bandwidth probes. */
export function readControl(kind: FrameKind, headerBytes: Bytes, payload: Bytes): ControlFrame | undefined {
  const h = header(headerBytes);
  const body = lists(payload);
  if (h === undefined || body === undefined) return undefined;
  return attempt(() => control(kind, h, body));
}

function control(kind: FrameKind, h: List, body: readonly List[]): ControlFrame {
  const f = new Fields(h.values);
  switch (kind) {
    case 'hello':
      return hello(f);
    case 'have':
      return { kind, group: f.name('group'), origins: haveOrigins(body) };
    case 'ack':
      return { kind, ids: acks(h) };
    case 'ping':
    case 'pong':
      return { kind, id: f.whole('id', 0, U32), time: numberOf(f.value('t'), 0, Number.MAX_SAFE_INTEGER) };
    case 'bwresult':
      return {
        kind,
        id: f.whole('id', 0, U32),
        bytes: f.whole('bytes', 0, U32),
        elapsedUs: numberOf(f.value('elapsed-us'), 0, Number.MAX_SAFE_INTEGER),
      };
    case 'estimates':
      return {
        kind,
        group: f.name('group'),
        origin: f.name('origin'),
        incarnation: f.count('incarnation', 1),
        serial: f.count('serial', 1),
        links: body.filter((l) => l.key === 'link').map(estimatedLink),
        have: f.optional('summary') === undefined ? undefined : haveOrigins(body),
      };
    case 'join':
      return {
        kind,
        group: f.name('group'),
        hops: f.whole('hops', 0, MAX_HOPS),
        site: f.site(),
        incarnation: f.count('incarnation', 1),
      };
    case 'members':
      return {
        kind,
        group: f.name('group'),
        epoch: f.count('epoch', 1),
        version: f.count('version', 1),
        members: body.map((l) => {
          const m = new Fields(l.values);
          return { site: m.site(), incarnation: m.count('incarnation') };
        }),
      };
    case 'topology':
      return topology(f, body);
    case 'leave':
      return { kind, group: f.name('group'), site: f.name('site-name'), incarnation: f.count('incarnation', 1) };
    case 'sync':
      return { kind, to: f.name('to'), reason: f.text('reason', MAX_REASON_BYTES) };
    case 'goodbye':
      return { kind, reason: f.text('reason', MAX_REASON_BYTES) };
    case 'error':
      return errorFrame(f);
    case 'data':
    case 'bwtest':
      return malformed('not a control frame');
  }
}

function hello(f: Fields): ControlFrame {
  const said = f.text('purpose', 16);
  const groups = f.list('groups').values;
  if (groups.length > MAX_GROUPS) malformed('too many groups');
  return {
    kind: 'hello',
    site: f.site(),
    incarnation: f.count('incarnation', 1),
    purpose: PURPOSES.find((p) => p === said) ?? malformed('no such purpose'),
    protocol: f.whole('protocol', 0, 255),
    software: f.optional('software') === undefined ? '' : f.text('software', 64),
    groups: groups.map(nameOf),
  };
}

function acks(h: List): { origin: string; incarnation: number; sequence: number }[] {
  if (h.values.length > MAX_ACKS) malformed('too many identifiers');
  return h.values.map((v) => {
    const [origin, incarnation, sequence] = listOf(v).values;
    return { origin: nameOf(origin), incarnation: countOf(incarnation, 1), sequence: countOf(sequence, 1) };
  });
}

function topology(f: Fields, body: readonly List[]): ControlFrame {
  const said = f.text('generator', 16);
  return {
    kind: 'topology',
    group: f.name('group'),
    epoch: f.count('epoch', 1),
    number: f.count('number', 1),
    connectivity: f.whole('connectivity', 1, U32),
    generator: said === 'builtin' || said === 'command' ? said : malformed('no such generator'),
    edges: body
      .filter((l) => l.key === 'edge')
      .map((l) => {
        const [a, b, cost] = [nameOf(l.values[0]), nameOf(l.values[1]), numberOf(l.values[2], 0, MAX_COST)];
        if (a === b) malformed('a loop');
        return { a, b, cost };
      }),
  };
}

function errorFrame(f: Fields): ErrorFrame {
  return {
    kind: 'error',
    code: f.whole('code', 100, 999),
    text: f.text('text', MAX_REASON_BYTES),
    incarnation: f.optional('incarnation') === undefined ? 0 : f.count('incarnation'),
  };
}

function estimatedLink(l: List): EstimatedLink {
  const f = new Fields(l.values.slice(1));
  const rtt = f.optional('rtt-ms');
  const bandwidth = f.optional('bytes-per-s');
  return {
    to: nameOf(l.values[0]),
    rttMs: rtt === undefined ? undefined : numberOf(rtt.values[0], 0, MAX_RTT_MS),
    bytesPerSecond: bandwidth === undefined ? undefined : numberOf(bandwidth.values[0], 0, MAX_BANDWIDTH),
    ageSeconds: numberOf(f.value('age-s'), 0, Number.MAX_SAFE_INTEGER),
  };
}

function haveOrigins(body: readonly List[]): HaveOrigin[] {
  return body.filter((l) => l.key === 'have').map((l) => haveOrigin(l));
}

function haveOrigin(l: List): HaveOrigin {
  const [origin, incarnation, low, ...rest] = l.values;
  if (rest.length > MAX_RANGES) malformed('too many ranges');
  let end = countOf(low);
  return {
    origin: nameOf(origin),
    incarnation: countOf(incarnation, 1),
    lowWater: end,
    ranges: rest.map((v) => {
      const range = listOf(v).values;
      const first = countOf(range[0]);
      const last = countOf(range[1]);
      if (first <= end + 1 || last < first) malformed('ranges that do not rise');
      end = last;
      return [first, last] as const;
    }),
  };
}

/** The record of one origin as it is kept in storage: the first `(:have ...)` of the lists. */
export function readHaveRecord(lists: readonly List[]): HaveOrigin | undefined {
  const have = lists.find((l) => l.key === 'have');
  return have === undefined ? undefined : attempt(() => haveOrigin(have));
}
