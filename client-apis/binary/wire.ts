// The handshake of Spread's client protocol (docs/clients.md; section 2 of the protocol as measured). Every number is
// one byte. C = client, D = daemon:
//
//   C: major minor [patch] flags nameLength name[nameLength]
//   D: listLength list[listLength]                              only if the client's version >= 3.16.0
//   C: choice[90]                                               only if the client's version >= 3.16.0
//   C: user[32] password[8]   D: 01 or 00                       for each chosen method PWORD, in slot order
//   D: 01 4 4 [0] groupLength privateGroup[groupLength]
//   or, in place of any answer of the daemon: one reject byte, then the end
//
// version v = major * 10000 + minor * 100 + patch. The patch byte is there if major * 10000 + minor * 100 > 31400; the
// daemon's answer has one if v >= 31500. The list is the names of the enabled methods, a space after each; the choice
// is 3 slots of 30 bytes, each a zero-terminated name.
import { PRIVATE_NAME_BYTES, isPrivateName } from '../../core/wire/name.js';

/** The version we answer, whatever the client's is: that of the peer whose protocol this is. */
export const DAEMON_VERSION = [4, 4, 0] as const;

export const OLDEST_VERSION = 30100;
const PATCH_BYTE_ABOVE = 31400;
const PATCH_ANSWER_FROM = 31500;
const AUTH_FROM = 31600;
/** First version whose membership frames have more than one virtual-synchrony set. */
export const SETS_FROM = 40000;

export const AUTH_SLOTS = 3;
export const AUTH_SLOT_BYTES = 30;
export const CHOICE_BYTES = AUTH_SLOTS * AUTH_SLOT_BYTES;
export const USER_BYTES = 32;
export const PASSWORD_BYTES = 8;
export const CREDENTIAL_BYTES = USER_BYTES + PASSWORD_BYTES;

/** Reject codes, as the byte on the wire. */
export const Reject = { QUOTA: 0xfd, ILLEGAL_NAME: 0xfb, NOT_UNIQUE: 0xfa, VERSION: 0xf9, AUTH: 0xf7 } as const;
export type RejectCode = (typeof Reject)[keyof typeof Reject];

const ACCEPT = 1;
/** Set: deliver membership frames. The peer reads the byte as signed and loses it when bit 7 is set; so do we. */
const MEMBERSHIP_FLAG = 0x01;
const SIGN_FLAG = 0x80;

export interface Hello {
  readonly kind: 'hello';
  readonly version: number;
  readonly membership: boolean;
  /** May be empty: the daemon makes one. */
  readonly name: string;
  /** Bytes of the hello. */
  readonly bytes: number;
}

/**
 * reject: answer that code and close. more: not complete; `named` when the length of the name is known, its bytes
 * have begun to come and are not all there, which the peer calls an illegal name.
 */
export type HelloResult =
  Hello | { readonly kind: 'reject'; readonly code: RejectCode } | { readonly kind: 'more'; readonly named: boolean };

const MORE = { kind: 'more', named: false } as const;

/** Reads the hello from what has come so far; each fault is found as soon as its bytes are there. */
export function readHello(b: Uint8Array): HelloResult {
  if (b.length < 2) return MORE;
  let version = b[0]! * 10000 + b[1]! * 100;
  let at = 2;
  if (version > PATCH_BYTE_ABOVE) {
    if (b.length < 3) return MORE;
    version += b[at++]!;
  }
  if (version < OLDEST_VERSION) return { kind: 'reject', code: Reject.VERSION };
  if (b.length < at + 2) return MORE;
  const flags = b[at]!;
  const length = b[at + 1]!;
  at += 2;
  if (length > PRIVATE_NAME_BYTES) return { kind: 'reject', code: Reject.ILLEGAL_NAME };
  const name = latin1(b, at, Math.min(b.length, at + length));
  if (name !== '' && !isPrivateName(name)) return { kind: 'reject', code: Reject.ILLEGAL_NAME };
  if (name.length < length) return { kind: 'more', named: name.length > 0 };
  const membership = (flags & MEMBERSHIP_FLAG) !== 0 && (flags & SIGN_FLAG) === 0;
  return { kind: 'hello', version, membership, name, bytes: at + length };
}

/** Do clients of that version take part in the choice of authentication methods? */
export function hasAuthentication(version: number): boolean {
  return version >= AUTH_FROM;
}

/** The list of enabled methods with its length byte, to be sent in one write. */
export function authList(methods: readonly string[]): Uint8Array {
  const list = methods.map((m) => `${m} `).join('');
  const b = new Uint8Array(1 + list.length);
  b[0] = list.length;
  for (let i = 0; i < list.length; i++) b[1 + i] = list.charCodeAt(i);
  return b;
}

/** The methods named in the 90 bytes of a choice: up to the first empty slot. */
export function readChoice(b: Uint8Array): string[] {
  const methods: string[] = [];
  for (let at = 0; at < CHOICE_BYTES; at += AUTH_SLOT_BYTES) {
    const name = text(b, at, at + AUTH_SLOT_BYTES);
    if (name === '') break;
    methods.push(name);
  }
  return methods;
}

/** User name and password of method PWORD. */
export function readCredentials(b: Uint8Array): { user: string; password: string } {
  return { user: text(b, 0, USER_BYTES), password: text(b, USER_BYTES, CREDENTIAL_BYTES) };
}

/** The record that accepts a client of that version, to be sent in one write. */
export function acceptRecord(version: number, privateGroup: string): Uint8Array {
  const [major, minor, patch] = DAEMON_VERSION;
  const head = version >= PATCH_ANSWER_FROM ? [ACCEPT, major, minor, patch] : [ACCEPT, major, minor];
  const b = new Uint8Array(head.length + 1 + privateGroup.length);
  b.set(head);
  b[head.length] = privateGroup.length;
  for (let i = 0; i < privateGroup.length; i++) b[head.length + 1 + i] = privateGroup.charCodeAt(i);
  return b;
}

function latin1(b: Uint8Array, from: number, to: number): string {
  let s = '';
  for (let i = from; i < to; i++) s += String.fromCharCode(b[i]!);
  return s;
}

/** The zero-terminated text in [from, to). */
function text(b: Uint8Array, from: number, to: number): string {
  const end = b.indexOf(0, from);
  return latin1(b, from, end < 0 ? to : Math.min(end, to));
}
