// Every bound and delay of the ring, with its unit and reason (docs/design/ring.md, sections 3 and 7).

const KIB = 1024;

/** Bytes of all members in one rotation of the token: under what Linux gives a socket that asks for more (208 KiB, twice). */
export const WINDOW_BYTES = 192 * KIB;
/** Where a datagram has less room for a pack than this, packs are compact and go in several datagrams. */
export const SMALL_ROOM_BYTES = 4096;
/** ... so many: messages of 1 KB then fill 1472 bytes to 98 %. */
export const DATAGRAMS_PER_PACK = 6;
/** Parts of a pack that are taken: the largest datagram, cut anew for the smallest. */
export const MAX_PARTS = 128;
/** Bytes that a datagram costs on the way beside what it carries: head of DATA, envelope, IP and UDP. */
export const DATAGRAM_COST_BYTES = 80;
/** Windows of packs that are not stable at which nobody numbers more: a hole of one member stops all, in bounded memory. */
export const OPEN_WINDOWS = 4;
/** Packs held that hostile bytes can bring are bounded by so many windows. */
export const HELD_WINDOWS = 8;
/** Positions above the stable one that may be given; also how far above its own a member believes a position. */
export const MAX_OPEN_PACKS = 8192;
/** Largest position, index and hop: 48 bits. */
export const MAX_U48 = 2 ** 48 - 1;

/** Ranges of requests that a token carries. */
export const MAX_RANGES = 64;
/** Packs in one range: 16 bits. */
export const MAX_RUN = 0xffff;
/** Largest token: with the heads it fits a datagram of 1472 bytes, whatever packs may be. */
export const TOKEN_BYTES = 1400;
/** Members whose token fits a datagram of 1472 bytes. */
export const MAX_MEMBERS = 200;
/** A token's hop may be above the last one seen by that many rotations and as many hops (docs/design/ring.md 6). */
export const HOP_ROTATIONS = 4;
export const HOP_SLACK = 16;

/** A passed token, or a call for it, is repeated after so many ms; doubles up to the longest. */
export const ASK_FIRST_MS = 20;
export const ASK_LONGEST_MS = 400;
/** After an answer the next question waits that long. */
export const ASK_ANSWERED_MS = 400;
/**
 * Questions without an answer before suspicion: 20 + 40 + 80 + 160 + 320 + 9 * 400 ms, 4.2 s. Membership sees the dead and the
 * silent long before; this is for what passes beats and no tokens, and must outlast the stalls of a poor path.
 */
export const ASK_TRIES = 13;
/** From this question on it is sent several times, against loss. */
export const ASK_COPIES_FROM = 3;
export const ASK_COPIES = 3;

/** A hole that is as it was is looked at so often. */
export const HOLE_LOOK_MS = 200;
/** From that look on everybody who has the pack sends it, not only the first. */
export const HOLE_URGENT_LOOKS = 2;
/** ... and at that look who should have sent it is suspected: 4 s. */
export const HOLE_LOOKS = 20;
