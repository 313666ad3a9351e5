// Addresses and networks of access lists, as bytes. Pure. The original writes class A, B and C network numbers such as
// 18.0.0.0 or 128.125.0.0; how many bits count follows from the first octet, unless `/n` says it.
import type { Network } from '../machine/settings.js';

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const CLASS_A_END = 128;
const CLASS_B_END = 192;
const CLASS_C_END = 224;

/** 4 or 16 bytes; an IPv4 address inside an IPv6 one (::ffff:a.b.c.d) is the IPv4 one. Undefined: no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  const plain = /^[^%]*/.exec(text)![0];
  if (!plain.includes(':')) return fourBytes(plain);
  const bytes = sixteenBytes(plain);
  const mapped = bytes !== undefined && MAPPED.every((b, i) => bytes[i] === b);
  return mapped ? bytes.slice(MAPPED.length) : bytes;
}

/** `18.0.0.0` by its class, or with the bits that count: `10.1.0.0/16`, `fe80::/10`. Undefined: none. */
export function networkOf(text: string): Network | undefined {
  const [, host = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = addressBytes(host);
  if (address === undefined) return undefined;
  const prefixBits = bits === undefined ? classBits(address) : Number(bits);
  return prefixBits === undefined || prefixBits > address.length * 8 ? undefined : { address, prefixBits };
}

/** Is that address in that network? */
export function contains({ address, prefixBits }: Network, other: Uint8Array): boolean {
  if (other.length !== address.length) return false;
  for (let bit = 0; bit < prefixBits; bit++) {
    const mask = 0x80 >> (bit & 7);
    if ((address[bit >> 3]! & mask) !== (other[bit >> 3]! & mask)) return false;
  }
  return true;
}

/** 0.0.0.0 has no class of its own: it is everybody's, as a mask of no bits. */
function classBits(address: Uint8Array): number | undefined {
  if (address.length === 16) return 128;
  if (address.every((b) => b === 0)) return 0;
  const first = address[0]!;
  if (first < CLASS_A_END) return 8;
  if (first < CLASS_B_END) return 16;
  return first < CLASS_C_END ? 24 : undefined;
}

function fourBytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) return undefined;
  return Uint8Array.from(parts, Number);
}

function sixteenBytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => groups(half));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  return Uint8Array.from([...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail]);
}

/** The bytes of `a:b:c` or `a:b:1.2.3.4`. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const four = i === parts.length - 1 ? fourBytes(part) : undefined;
    if (four !== undefined) bytes.push(...four);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255);
    else return undefined;
  }
  return bytes;
}
