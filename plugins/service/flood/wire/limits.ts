// Sizes and numbers of the protocol between sites (docs/design/flood.md, section 3): what is above them is malformed.

export const MAGIC_0 = 0x46;
export const MAGIC_1 = 0x44;
/** The version byte of every frame, and `:protocol` in HELLO. */
export const PROTOCOL_VERSION = 1;
/** Fixed bytes in front of each frame. */
export const PREFIX_BYTES = 12;
export const MAX_HEADER_BYTES = 65_536;
/** Largest payload of any frame; above it the framing itself is taken to be broken. */
export const MAX_PAYLOAD_BYTES = 64 * 1_048_576;
/** Largest payload that is text; writers leave out ranges before they pass a quarter of it. */
export const MAX_TEXT_BYTES = 4 * 1_048_576;
/** Site and group names, UTF-8. */
export const MAX_NAME_BYTES = 64;
export const MAX_HOSTNAME_BYTES = 255;
/** Longest text of an ERROR or GOODBYE; longer ones are cut by the writer. */
export const MAX_REASON_CHARACTERS = 200;
/** Identifiers in one ACK. */
export const MAX_ACKS = 512;
/** Groups named in one HELLO. */
export const MAX_GROUPS = 256;
/** Hops of a JOIN or an update are counted up to here. */
export const MAX_HOPS = 255;

/** Frame types; what is not here is skipped. */
export const FrameType = {
  hello: 1,
  have: 2,
  data: 3,
  ack: 4,
  ping: 5,
  pong: 6,
  bwtest: 7,
  bwresult: 8,
  estimates: 9,
  join: 10,
  members: 11,
  topology: 12,
  leave: 13,
  sync: 14,
  goodbye: 15,
  error: 16,
} as const;
export type FrameKind = keyof typeof FrameType;

const KINDS = new Map<number, FrameKind>(Object.entries(FrameType).map(([kind, n]) => [n, kind as FrameKind]));

/** Undefined: a type of a later version. */
export function kindOf(type: number): FrameKind | undefined {
  return KINDS.get(type);
}
