// Legal names of Spread's client protocol (docs/clients.md, "Names"): which bytes sessions, daemons and groups may
// have. Names are bytes, shown as ISO-8859-1; a name field is 32 bytes and ends at its first NUL.
import { NAME_BYTES } from './frame.js';

/** Every byte of a name lies between these, both included: so no '#', no space, nothing above 0x7e. */
export const NAME_BYTE_LOW = 0x24;
export const NAME_BYTE_HIGH = 0x7e;
/** Longest private name of a session, in bytes. */
export const PRIVATE_NAME_BYTES = 10;
/** Longest daemon name, in bytes. */
export const DAEMON_NAME_BYTES = 19;

function legal(name: string, longest: number): boolean {
  if (name.length < 1 || name.length > longest) return false;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (c < NAME_BYTE_LOW || c > NAME_BYTE_HIGH) return false;
  }
  return true;
}

/** May a session be called so? */
export function isPrivateName(name: string): boolean {
  return legal(name, PRIVATE_NAME_BYTES);
}

/** May a daemon be called so? */
export function isDaemonName(name: string): boolean {
  return legal(name, DAEMON_NAME_BYTES);
}

/** May a group be joined under this name? At most 31 bytes, so that its field keeps a NUL. */
export function isGroupName(name: string): boolean {
  return legal(name, NAME_BYTES - 1);
}

/** `#name#daemon`, the address of one session. */
export function privateGroupOf(name: string, daemon: string): string {
  return `#${name}#${daemon}`;
}

/** Offset of the first NUL of the field at `at`, counted from `at`; 32 when there is none. */
export function nameLength(b: Uint8Array, at: number): number {
  let n = 0;
  while (n < NAME_BYTES && b[at + n] !== 0) n++;
  return n;
}

/** Is the field at `at` a group name that may be joined? */
export function isGroupField(b: Uint8Array, at: number): boolean {
  const n = nameLength(b, at);
  if (n === 0 || n === NAME_BYTES) return false;
  for (let i = at; i < at + n; i++) if (b[i]! < NAME_BYTE_LOW || b[i]! > NAME_BYTE_HIGH) return false;
  return true;
}
