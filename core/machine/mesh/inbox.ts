// What is known and held of one sender's packs (docs/design/mesh.md 3.3 to 3.5).
import type { Pack } from '../types.js';
import {
  MAX_NACK_RUN,
  NACK_DELAY_MS,
  NACK_PACKS_FIRST,
  NACK_PACKS_LEAST,
  NACK_REPEAT_MAX_MS,
  NACK_REPEAT_MS,
} from './limits.js';
import type { Range } from './wire.js';
import { DATA_HEAD_BYTES } from './wire.js';

export class Inbox {
  /** All packs up to this index were handed up. */
  accepted = 0;
  /** Highest index heard of. */
  known = 0;
  /** Value of `accepted` at which a RESEND was asked for, -1 none: one question per hole. */
  resendAt = -1;
  /** When the next NACK is due, in ms of `now`; 0 when there is no hole. */
  nackAt = 0;

  readonly #waiting = new Map<number, Pack>();
  #waitingBytes = 0;
  #nackWaitMs = NACK_REPEAT_MS;
  #nackedAt = -1;
  /** Packs that the next NACK asks for at the most. */
  #most = NACK_PACKS_FIRST;

  get hole(): boolean {
    return this.known > this.accepted;
  }

  /** Packs held beyond a gap. */
  get held(): number {
    return this.#waiting.size;
  }

  /** Keeps a pack beyond a gap unless it is there already or more than `limit` bytes would be held. */
  hold(index: number, pack: Pack, limit: number): boolean {
    const cost = pack.bytes.length + DATA_HEAD_BYTES;
    if (this.#waiting.has(index) || this.#waitingBytes + cost > limit) return false;
    this.#waiting.set(index, pack);
    this.#waitingBytes += cost;
    return true;
  }

  /** Takes the held pack that follows the accepted ones; the caller accepts it. */
  take(): Pack | undefined {
    if (this.#waiting.size === 0) return undefined;
    const pack = this.#waiting.get(this.accepted + 1);
    if (pack === undefined) return undefined;
    this.#waiting.delete(this.accepted + 1);
    this.#waitingBytes -= pack.bytes.length + DATA_HEAD_BYTES;
    return pack;
  }

  /** A hole was seen at `now`: the first NACK is due a little later. */
  openHole(now: number): void {
    if (this.nackAt === 0) this.nackAt = now + NACK_DELAY_MS;
  }

  /**
   * The NACK due at `now` is being sent: when is the next, and how much does this one ask for? One that brought nothing is
   * repeated later and smaller: its answer may have filled our own receive buffer, and beyond what we may hold it is waste.
   */
  nacked(now: number): void {
    const again = this.#nackedAt === this.accepted;
    this.#nackWaitMs = again ? Math.min(this.#nackWaitMs * 2, NACK_REPEAT_MAX_MS) : NACK_REPEAT_MS;
    if (again) this.#most = Math.max(this.#most >> 2, NACK_PACKS_LEAST);
    else if (this.#nackedAt >= 0) this.#most = Math.min(this.#most * 2, MAX_NACK_RUN);
    this.#nackedAt = this.accepted;
    this.nackAt = now + this.#nackWaitMs;
  }

  /** The missing packs that may be asked for already, lowest first, in at most `max` ranges. */
  missing(max: number): Range[] {
    const ranges: Range[] = [];
    let left = this.#most;
    for (let i = this.accepted + 1; i <= this.known && ranges.length < max && left > 0; i++) {
      if (this.#waiting.has(i)) continue;
      const first = i;
      const last = Math.min(this.known, first + left - 1);
      while (i < last && !this.#waiting.has(i + 1)) i++;
      const many = i - first + 1;
      left -= many;
      ranges.push({ first, many });
    }
    return ranges;
  }
}
