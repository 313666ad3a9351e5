// Frames of one session, written behind each other into blocks, so that many small messages leave in one write. Pure.
import {
  DATA_LENGTH_OFFSET,
  ENDIAN_MARK,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  HINT_OFFSET,
  NAME_BYTES,
  SENDER_OFFSET,
  writeName,
  writeU32,
} from '../../../core/wire/frame.js';
import { isGroupName } from '../../../core/wire/name.js';
import { ClientError } from './errors.js';
import { isPrivateGroup } from './names.js';

const BLOCK_BYTES = 64 * 1024;
/** Encoded names that are kept. */
const NAMES_KEPT = 1024;
export const GROUPS_MAX = 100;
const TYPE_MIN = -0x8000;
const TYPE_MAX = 0x7fff;

/** Bytes to send: one piece, or several that are sent as one (scatter); text goes as UTF-8. */
export type Body = Uint8Array | string | readonly Uint8Array[];

export class Encoder {
  private readonly header = new Uint8Array(HEADER_BYTES);
  private readonly names = new Map<string, Uint8Array>();
  private readonly utf8 = new TextEncoder();
  private block = new Uint8Array(0);
  private used = 0;
  private full: Uint8Array[] = [];
  private fullBytes = 0;

  /** `maxBytes`: largest frame, header and destinations included. */
  constructor(
    sender: string,
    private readonly maxBytes: number,
  ) {
    writeName(this.header, SENDER_OFFSET, sender);
  }

  /** Is there something to send? */
  get pending(): boolean {
    return this.bytes > 0;
  }

  /** Bytes that wait to be taken. */
  get bytes(): number {
    return this.fullBytes + this.used;
  }

  /** What is to be sent, in order; given away. */
  take(): Uint8Array[] {
    const all = this.full;
    if (this.used > 0) all.push(this.block.subarray(0, this.used));
    this.full = [];
    this.fullBytes = 0;
    // What was given away is never written again; the rest of the block is.
    this.block = this.block.subarray(this.used);
    this.used = 0;
    return all;
  }

  /** Adds a frame; answers the bytes of its body. Throws a ClientError and adds nothing when it is not legal. */
  add(service: number, groups: readonly string[], type: number, body: Body): number {
    if (!Number.isInteger(type) || type < TYPE_MIN || type > TYPE_MAX)
      throw new ClientError('ILLEGAL_MESSAGE_TYPE', `${type} is no type of a message`);
    if (groups.length > GROUPS_MAX)
      throw new ClientError('ILLEGAL_GROUP', `${groups.length} destinations, at most ${GROUPS_MAX}`);
    const fields = groups.map((g) => this.field(g));
    const parts = typeof body === 'string' ? [this.utf8.encode(body)] : body instanceof Uint8Array ? [body] : body;
    const bytes = parts.reduce((n, p) => n + p.length, 0);
    const total = HEADER_BYTES + NAME_BYTES * groups.length + bytes;
    if (total > this.maxBytes)
      throw new ClientError('MESSAGE_TOO_LONG', `a frame of ${total} bytes, at most ${this.maxBytes}`);
    const b = this.room(total);
    let at = this.used;
    b.set(this.header, at);
    writeU32(b, at, (service | ENDIAN_MARK) >>> 0);
    writeU32(b, at + GROUPS_COUNT_OFFSET, groups.length);
    writeU32(b, at + HINT_OFFSET, (ENDIAN_MARK | ((type & 0xffff) << 8)) >>> 0);
    writeU32(b, at + DATA_LENGTH_OFFSET, bytes);
    at += HEADER_BYTES;
    for (const f of fields) {
      b.set(f, at);
      at += NAME_BYTES;
    }
    for (const p of parts) {
      b.set(p, at);
      at += p.length;
    }
    this.used = at;
    return bytes;
  }

  private room(bytes: number): Uint8Array {
    if (this.block.length - this.used >= bytes) return this.block;
    if (this.used > 0) this.full.push(this.block.subarray(0, this.used));
    this.fullBytes += this.used;
    this.block = new Uint8Array(Math.max(BLOCK_BYTES, bytes));
    this.used = 0;
    return this.block;
  }

  private field(name: string): Uint8Array {
    const known = this.names.get(name);
    if (known !== undefined) return known;
    // A private group has a # in front, and so much the same letters.
    if (!isGroupName(name) && !isPrivateGroup(name))
      throw new ClientError('ILLEGAL_GROUP', `${JSON.stringify(name)} is no name of a group`);
    const field = new Uint8Array(NAME_BYTES);
    writeName(field, 0, name);
    if (this.names.size >= NAMES_KEPT) this.names.clear();
    this.names.set(name, field);
    return field;
  }
}
