// What a session receives, as plain objects (docs/client-library.md), and the names of service levels.
import type { GroupId } from '../../../core/wire/event.js';
import { Service } from '../../../core/wire/frame.js';

export type { GroupId } from '../../../core/wire/event.js';

/** Service levels by name; each bit is the peer's. */
export const LEVELS = {
  unreliable: Service.UNRELIABLE,
  reliable: Service.RELIABLE,
  fifo: Service.FIFO,
  causal: Service.CAUSAL,
  agreed: Service.AGREED,
  safe: Service.SAFE,
} as const;
export type Level = keyof typeof LEVELS;

/** A message somebody sent. */
export interface Message {
  readonly kind: 'message';
  readonly level: Level;
  /** The whole service word as the sender set it, without its endian mark. */
  readonly service: number;
  /** Private group of the sender, `#name#daemon`: where an answer goes. */
  readonly sender: string;
  /** All destinations, in the sender's order. */
  readonly groups: readonly string[];
  /** Signed 16 bit, chosen by the sender; 0 by default. */
  readonly type: number;
  /** Byte order of the sender's machine; matters only to numbers the application put into `data`. */
  readonly bigEndian: boolean;
  readonly data: Uint8Array;
}

/** A message, join or leave of our own that the daemon refused. */
export interface Rejected extends Omit<Message, 'kind'> {
  readonly kind: 'rejected';
}

/** A new view of a group we are in. */
export interface View {
  readonly kind: 'view';
  readonly cause: 'join' | 'leave' | 'disconnect' | 'network';
  readonly group: string;
  /** Private groups, in the one order everybody sees. */
  readonly members: readonly string[];
  readonly id: GroupId;
  /** Our place in `members`, -1: we are not in it. */
  readonly ownIndex: number;
  /** Who joined, left or was disconnected; undefined for `network`. */
  readonly changed: string | undefined;
  /** Virtual-synchrony sets: for `network` the whole view, parted by the views that members come from; else one with `changed`. */
  readonly sets: readonly (readonly string[])[];
  /** Index in `sets` of our own (of the only one, for join, leave and disconnect); -1: none. */
  readonly localSet: number;
  /** For `network`: who came with us from the last view. Else all members but a joiner. */
  readonly together: readonly string[];
}

/** What follows up to the next view of the group is sure for our own set only. */
export interface Transitional {
  readonly kind: 'transitional';
  readonly group: string;
  /** Of the view that ends. */
  readonly id: GroupId;
}

/** Our own leave was ordered: nothing of that group follows. */
export interface Left {
  readonly kind: 'left';
  readonly group: string;
}

/** A message of our own that may or may not have been delivered when the connection was lost. */
export interface InDoubt {
  /** As `multicast` numbered it: the first of a session is 1. */
  readonly number: number;
  readonly groups: readonly string[];
  readonly type: number;
  readonly bytes: number;
}

/** The connection was lost and is being made anew (option `reconnect`). Everything of the old one stands before it. */
export interface Lost {
  readonly kind: 'lost';
  /** Code and what happened; no remedy, since the library is at it. */
  readonly why: string;
  /** Own messages without proof of delivery, oldest first; at most `inDoubtKept` of them. */
  readonly inDoubt: readonly InDoubt[];
  /** More of these than `inDoubt` tells. */
  readonly inDoubtUntold: number;
  /** Groups we were in, with the last view of each: what came after it is missed until `reconnected`. */
  readonly groups: readonly { readonly group: string; readonly view: GroupId | undefined }[];
}

/** We are back, in the same groups, as another member: views and messages since `lost` are missed. */
export interface Reconnected {
  readonly kind: 'reconnected';
  readonly privateGroup: string;
  /** Groups whose joins were sent again; each is entered with its first view. */
  readonly groups: readonly string[];
  readonly attempts: number;
}

export type SessionEvent = Message | Rejected | View | Transitional | Left | Lost | Reconnected;

/** Are these two ids those of one view? Ids have no order. */
export function sameView(a: GroupId | undefined, b: GroupId | undefined): boolean {
  return a !== undefined && b !== undefined && a.number === b.number && a.time === b.time && a.index === b.index;
}

/** `proc.time.index` as hexadecimal number, decimal time and index: for logs, and as a key of maps. */
export function viewText(id: GroupId): string {
  return `${id.number.toString(16).padStart(8, '0')}.${id.time}.${id.index}`;
}
