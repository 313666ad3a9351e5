// What travels on a TCP connection between two daemons: one hello each way, then messages from the listening side to the
// dialling side only (README.md). All little-endian.
//
//   hello    0  u32  0x6c616570, "peal"
//            4  u8   version, 1
//            5  u8   plane: 0 control, 1 data
//            6  u16  place of the sender in the daemon list
//            8  u16  place of the receiver
//           10  u32  hash of the daemon list
//           14  u64  incarnation of the sender
//           22  u32  life of the pair at the sender: rises whenever the sender gives the pair's connections up
//   message  0  u32  length, at least 1
//            4  ..   bytes
import type { Bytes, Plane } from 'peal/plugin';
import { readU32, writeU32 } from 'peal/plugin';

export const HELLO_BYTES = 26;
export const LENGTH_BYTES = 4;
export const VERSION = 1;
const MAGIC = 0x6c616570;

export interface Hello {
  readonly plane: Plane;
  readonly from: number;
  readonly to: number;
  readonly listHash: number;
  readonly incarnation: bigint;
  readonly life: number;
}

function readU16(b: Bytes, at: number): number {
  return b[at]! | (b[at + 1]! << 8);
}

export function writeHello(h: Hello): Bytes {
  const b = new Uint8Array(HELLO_BYTES);
  writeU32(b, 0, MAGIC);
  b[4] = VERSION;
  b[5] = h.plane === 'control' ? 0 : 1;
  b[6] = h.from & 0xff;
  b[7] = h.from >>> 8;
  b[8] = h.to & 0xff;
  b[9] = h.to >>> 8;
  writeU32(b, 10, h.listHash);
  writeU32(b, 14, Number(h.incarnation & 0xffffffffn));
  writeU32(b, 18, Number(h.incarnation >> 32n));
  writeU32(b, 22, h.life);
  return b;
}

/** The hello in exactly `HELLO_BYTES` bytes, or one clause on what is wrong with it. */
export function readHello(b: Bytes): Hello | string {
  if (b.length !== HELLO_BYTES || readU32(b, 0) !== MAGIC) return 'its first bytes are no hello';
  if (b[4] !== VERSION) return `it speaks version ${b[4]!}, we speak ${VERSION}`;
  if (b[5]! > 1) return `it names a plane ${b[5]!}`;
  return {
    plane: b[5] === 0 ? 'control' : 'data',
    from: readU16(b, 6),
    to: readU16(b, 8),
    listHash: readU32(b, 10),
    incarnation: BigInt(readU32(b, 14)) | (BigInt(readU32(b, 18)) << 32n),
    life: readU32(b, 22),
  };
}

/** Length and head of a message, in one piece of memory, and its body behind them, unless that leaves by itself. */
export function writeMessage(into: Bytes, head: Bytes, bodyBytes: number, body?: Bytes): void {
  writeU32(into, 0, head.length + bodyBytes);
  into.set(head, LENGTH_BYTES);
  if (body !== undefined) into.set(body, LENGTH_BYTES + head.length);
}
