// Who passed the token answers for it until there is evidence that it went on; who wants a parked token asks until it
// comes (docs/design/ring.md, section 5).
import type { Bytes, LinkUp } from 'peal/plugin';
import { Question } from './question.js';
import { resentToken, wakeBytes, type Token, type TokenState } from './wire.js';

export class Custody {
  /** Did the member to which the token was passed get it? Ends when a later token, or news of its parking, arrives. */
  readonly pass: Question;
  /** Does the member at which the token is parked send it? */
  readonly wake: Question;
  /** The last token passed: its hop, 0 none, to whom, its bytes. */
  passedHop = 0;
  passedTo = -1;
  /** Tokens sent again. */
  repeated = 0;
  readonly #up: LinkUp;
  #bytes: Bytes | undefined;
  #highest = 0;
  #called: TokenState | undefined;

  constructor(up: LinkUp, keys: { readonly pass: number; readonly wake: number }) {
    this.#up = up;
    this.pass = new Question({
      setTimer: (ms) => up.setTimer(keys.pass, ms),
      now: () => up.now(),
      ask: (copies) => this.#again(copies),
      accuse: (tries) => this.#accuse(this.passedTo, `it does not take the token, asked ${tries} times`),
    });
    this.wake = new Question({
      setTimer: (ms) => up.setTimer(keys.wake, ms),
      now: () => up.now(),
      ask: (copies) => this.#wakeAgain(copies),
      accuse: (tries) => this.#accuse(this.#called!.holder, `it does not send the token, asked ${tries} times`),
    });
  }

  /** The token goes to that member. False: the medium did not take it. */
  passed(to: number, t: Token, bytes: Bytes): boolean {
    this.passedHop = t.hop;
    this.passedTo = to;
    this.#bytes = bytes;
    this.#highest = t.highest;
    this.pass.begin();
    return this.#up.send(to, 'data', bytes);
  }

  /** Sends the last token again, without counting. False: the medium did not take it. */
  resend(): boolean {
    if (this.#bytes === undefined || !this.pass.open) return true;
    this.repeated++;
    return this.#up.send(this.passedTo, 'data', resentToken(this.#bytes));
  }

  /** We have something to say, and it is parked there. Once; then the question is repeated. */
  call(where: TokenState): void {
    if (this.wake.open && this.#called?.hop === where.hop) return;
    this.#called = where;
    this.wake.begin();
    this.#up.send(where.holder, 'data', wakeBytes(where.hop));
  }

  /** A position that was given after we passed the token. */
  heardOf(position: number): void {
    if (position > this.#highest) this.pass.answered();
  }

  /** Somebody has seen the token of that hop. */
  seen(hop: number): void {
    if (hop >= this.passedHop) this.pass.answered();
  }

  /** The token is here, or known to be parked. */
  end(): void {
    this.pass.end();
    this.wake.end();
  }

  #again(copies: number): void {
    for (let i = 0; i < copies; i++) this.resend();
  }

  #wakeAgain(copies: number): void {
    const called = this.#called!;
    for (let i = 0; i < copies; i++) this.#up.send(called.holder, 'data', wakeBytes(called.hop));
  }

  #accuse(rank: number, detail: string): void {
    this.#up.suspect(rank, { kind: 'stuck', detail });
  }
}
