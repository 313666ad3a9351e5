// The row: what one daemon tells all others about whom it hears. Design: docs/design/membership.md, section 2.
import { ByteReader, ByteWriter } from '../../wire/bytes.js';
import type { Bytes, ConfigurationId } from '../types.js';

/** What a row says about one place of the list. */
export interface RowEntry {
  readonly place: number;
  readonly incarnation: bigint;
  /** It is a member of the sender's regular configuration. */
  readonly member: boolean;
  /** The sender heard it within the limit and neither accuses it nor holds the edge back. */
  readonly hears: boolean;
  /** The sender has a row of this round from it. */
  readonly answered: boolean;
}

export interface Row {
  readonly round: number;
  /** Rises with every row of one life: an overtaken row is dropped. */
  readonly sequence: number;
  /** Highest configuration time known to the sender. */
  readonly highestTime: number;
  /** Regular configuration of the sender. */
  readonly configuration: ConfigurationId | undefined;
  readonly leaving: boolean;
  /** Answer this row with one of your own. */
  readonly asks: boolean;
  readonly entries: ReadonlyMap<number, RowEntry>;
}

const LEAVING = 1;
const ASKS = 2;
const MEMBER = 1;
const HEARS = 2;
const ANSWERED = 4;

export function encodeRow(row: Row): Bytes {
  const w = new ByteWriter(32 + 11 * row.entries.size);
  w.u32(row.round).u32(row.sequence).u32(row.highestTime);
  w.u32(row.configuration?.number ?? 0).u32(row.configuration?.time ?? 0);
  w.u8((row.leaving ? LEAVING : 0) | (row.asks ? ASKS : 0)).u16(row.entries.size);
  for (const e of row.entries.values())
    w.u16(e.place)
      .u64(e.incarnation)
      .u8((e.member ? MEMBER : 0) | (e.hears ? HEARS : 0) | (e.answered ? ANSWERED : 0));
  return w.finish();
}

/** Undefined: malformed. `places` is the length of the daemon list. */
export function decodeRow(bytes: Bytes, places: number): Row | undefined {
  return new RowReader(places).read(bytes);
}

/** Bytes before the entries, and of one entry. */
const HEAD_BYTES = 23;
const ENTRY_BYTES = 11;

/**
 * Reads the rows of one daemon. At rest each row repeats the entries of the last one: they are compared, not read again,
 * which with many daemons is most of what an idle cluster does (16 of them: a quarter of its time).
 */
export class RowReader {
  #tail: Bytes = new Uint8Array(0);
  #entries: ReadonlyMap<number, RowEntry> = new Map();

  /** `places` is the length of the daemon list. */
  constructor(private readonly places: number) {}

  /** Undefined: malformed. */
  read(bytes: Bytes): Row | undefined {
    const r = new ByteReader(bytes);
    const round = r.u32();
    const sequence = r.u32();
    const highestTime = r.u32();
    const number = r.u32();
    const time = r.u32();
    const flags = r.u8();
    const count = r.u16();
    if (!r.ok || count > this.places || r.left !== count * ENTRY_BYTES) return undefined;
    if (!this.#repeats(bytes)) {
      const entries = readEntries(r, count, this.places);
      if (entries === undefined) return undefined;
      this.#entries = entries;
      this.#tail = bytes.slice(HEAD_BYTES);
    }
    const configuration = time === 0 ? undefined : { number, time };
    const leaving = (flags & LEAVING) !== 0;
    const asks = (flags & ASKS) !== 0;
    return { round, sequence, highestTime, configuration, leaving, asks, entries: this.#entries };
  }

  #repeats(bytes: Bytes): boolean {
    const tail = this.#tail;
    if (bytes.length !== HEAD_BYTES + tail.length) return false;
    for (let i = 0; i < tail.length; i++) if (tail[i] !== bytes[HEAD_BYTES + i]) return false;
    return true;
  }
}

/** Undefined: a place that is not in the list, or twice. */
function readEntries(r: ByteReader, count: number, places: number): Map<number, RowEntry> | undefined {
  const entries = new Map<number, RowEntry>();
  for (let i = 0; i < count; i++) {
    const place = r.u16();
    const incarnation = r.u64();
    const bits = r.u8();
    if (place >= places || entries.has(place)) return undefined;
    entries.set(place, {
      place,
      incarnation,
      member: (bits & MEMBER) !== 0,
      hears: (bits & HEARS) !== 0,
      answered: (bits & ANSWERED) !== 0,
    });
  }
  return entries;
}
