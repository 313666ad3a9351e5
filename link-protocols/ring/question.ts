// A question that is repeated until it is answered: "did you get the token?", "please send the token". Looks are counted
// instead of time, and before an accusation everything that had arrived is read, so that a pause of our own accuses
// nobody (docs/design/ring.md, section 5). The timer is moved only when it would come too late: a question is asked at
// each hop, and nearly always answered long before the timer.
import { ASK_ANSWERED_MS, ASK_COPIES, ASK_COPIES_FROM, ASK_FIRST_MS, ASK_LONGEST_MS, ASK_TRIES } from './limits.js';

export interface QuestionOut {
  setTimer(ms: number): void;
  now(): number;
  /** Asks again; `copies`: so many times, against loss. */
  ask(copies: number): void;
  accuse(tries: number): void;
}

export class Question {
  readonly #out: QuestionOut;
  #open = false;
  #tries = 0;
  #waitMs = ASK_FIRST_MS;
  /** When the question is due again, and when the timer runs out; in ms of `now`, Infinity: never. */
  #dueAt = Infinity;
  #timerAt = Infinity;
  /** The last look before the accusation is under way. */
  #lastLook = false;

  constructor(out: QuestionOut) {
    this.#out = out;
  }

  get open(): boolean {
    return this.#open;
  }

  /** It was asked just now, for the first time. */
  begin(): void {
    this.#open = true;
    this.#restart(ASK_FIRST_MS);
  }

  /** Whoever was asked lives and knows; that what we wait for comes is not certain yet. */
  answered(): void {
    if (this.#open) this.#restart(ASK_ANSWERED_MS);
  }

  /** What we waited for is here. */
  end(): void {
    this.#open = false;
    this.#lastLook = false;
  }

  timer(): void {
    this.#timerAt = Infinity;
    if (!this.#open) return;
    const now = this.#out.now();
    if (this.#lastLook) {
      // Everything that had arrived was read in between, and no answer was among it.
      const tries = this.#tries;
      this.#restart(ASK_LONGEST_MS);
      this.#out.accuse(tries);
    } else if (now < this.#dueAt) this.#arm(this.#dueAt - now);
    else if (this.#tries >= ASK_TRIES) {
      this.#lastLook = true;
      this.#arm(0);
    } else {
      this.#tries++;
      this.#dueAt = now + this.#waitMs;
      this.#arm(this.#waitMs);
      this.#waitMs = Math.min(ASK_LONGEST_MS, this.#waitMs * 2);
      this.#out.ask(this.#tries >= ASK_COPIES_FROM ? ASK_COPIES : 1);
    }
  }

  #restart(firstMs: number): void {
    const now = this.#out.now();
    this.#tries = 0;
    this.#lastLook = false;
    this.#waitMs = ASK_FIRST_MS * 2;
    this.#dueAt = now + firstMs;
    if (this.#timerAt > this.#dueAt) this.#arm(firstMs);
  }

  #arm(ms: number): void {
    this.#timerAt = this.#out.now() + ms;
    this.#out.setTimer(ms);
  }
}
