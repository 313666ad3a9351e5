// The envelope: how every message between daemons begins, whatever link or medium carries it (design.md 4).
//
//   offset size field
//   0      u8   version of the daemon protocol, 1
//   1      u8   kind, see `Kind`
//   2      u16  transmitter: place in the canonical daemon list
//   4      u32  hash of the canonical daemon list
//   8      u64  incarnation of the transmitter
//   16     u32  configuration id, number        (0, 0: none)
//   20     u32  configuration id, time
//   24     u16  bytes of the seal that follow; 0 while no key is configured
//   26     u16  zero
import { readU32, writeU32 } from '../wire/frame.js';
import type { Bytes, ConfigurationId } from './types.js';

export const ENVELOPE_BYTES = 28;
export const PROTOCOL_VERSION = 1;

export const Kind = {
  /** Of the link, in the named configuration. */
  data: 0,
  /** "I live": an envelope alone. */
  beat: 1,
  row: 2,
  propose: 3,
  refuse: 4,
  report: 5,
  plan: 6,
  need: 7,
  repair: 8,
  complete: 9,
  commit: 10,
  /** A slow reader with policy `block` closes or opens the clients of all daemons. */
  flow: 11,
  /** A piece of a control message too large for one send (docs/design/fragments.md). */
  fragment: 12,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
const LAST_KIND = 12;

/** What is the same in every message of one life. */
export interface Transmitter {
  readonly place: number;
  readonly listHash: number;
  readonly incarnation: bigint;
}

interface Life {
  readonly high: number;
  readonly low: number;
  readonly incarnation: bigint;
}

/** Result of `readEnvelope`; one object is reused, so take what is needed before the next call. */
export class Envelope {
  kind: Kind = Kind.beat;
  place = 0;
  incarnation = 0n;
  /** The life heard last of each place, and its halves. */
  readonly lives: (Life | undefined)[] = [];
  number = 0;
  time = 0;
  /** Where the body begins. */
  bodyAt = 0;
}

/** Writes an envelope to the front of `into`, which has at least ENVELOPE_BYTES. */
export function writeEnvelope(into: Bytes, from: Transmitter, kind: Kind, id: ConfigurationId | undefined): void {
  into[0] = PROTOCOL_VERSION;
  into[1] = kind;
  into[2] = from.place & 0xff;
  into[3] = from.place >>> 8;
  writeU32(into, 4, from.listHash);
  writeU32(into, 8, Number(from.incarnation & 0xffffffffn));
  writeU32(into, 12, Number(from.incarnation >> 32n));
  writeU32(into, 16, id?.number ?? 0);
  writeU32(into, 20, id?.time ?? 0);
  writeU32(into, 24, 0);
}

/** A message of the control plane: envelope and body in one piece. */
export function sealed(from: Transmitter, kind: Kind, id: ConfigurationId | undefined, body?: Bytes): Bytes {
  const b = new Uint8Array(ENVELOPE_BYTES + (body?.length ?? 0));
  writeEnvelope(b, from, kind, id);
  if (body) b.set(body, ENVELOPE_BYTES);
  return b;
}

/** Reads into `e`. Answers undefined if it is ours to handle, else in a word why it is not (for a counter). */
export function readEnvelope(b: Bytes, listHash: number, listLength: number, e: Envelope): string | undefined {
  if (b.length < ENVELOPE_BYTES) return 'too short';
  if (b[0] !== PROTOCOL_VERSION) return 'other version';
  if (b[1]! > LAST_KIND) return 'unknown kind';
  if (readU32(b, 4) !== listHash) return 'other daemon list';
  const place = b[2]! | (b[3]! << 8);
  if (place >= listLength) return 'unknown transmitter';
  if (b[24] !== 0 || b[25] !== 0) return 'unexpected seal';
  e.kind = b[1] as Kind;
  e.place = place;
  const high = readU32(b, 12);
  const low = readU32(b, 8);
  // A number of 64 bits is three objects; most messages are of a life that was heard.
  let life = e.lives[place];
  if (life?.high !== high || life.low !== low) {
    life = { high, low, incarnation: (BigInt(high) << 32n) | BigInt(low) };
    e.lives[place] = life;
  }
  e.incarnation = life.incarnation;
  e.number = readU32(b, 16);
  e.time = readU32(b, 20);
  e.bodyAt = ENVELOPE_BYTES;
  return undefined;
}

export function sameId(a: ConfigurationId | undefined, b: ConfigurationId | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.number === b.number && a.time === b.time);
}

/** For logs and scripts, e.g. "3f2a91c0/1763687222". */
export function idText(id: ConfigurationId | undefined): string {
  return id ? `${id.number.toString(16).padStart(8, '0')}/${id.time}` : 'none';
}
