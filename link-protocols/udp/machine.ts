// What this daemon knows of its paths: who was heard, which size of datagram gets through to whom, whom our multicast
// reaches, and whether somebody who was refused still answers. Pure: notes, refusals and timers in, asks and verdicts
// out. Times are counted in looks, not on a clock, so that a pause of this process accuses nobody. Rules: README.md, "Paths".
import type { Evidence } from 'peal/plugin';
import { Path } from './path.js';
import { SMALL_BYTES } from './wire.js';

/** Between two looks while data flows or an answer is awaited, in ms. */
export const LOOK_MS = 100;
/** Between two looks at somebody who was refused, in ms. */
export const DOUBT_MS = 25;
/** Sizes of datagrams tried one after the other: Ethernet, jumbo frames, what must be cut into fragments. */
export const RUNGS: readonly number[] = [1472, 8972, 30_720, 61_440];

/** Looks until an ask counts as lost. */
const ANSWER_LOOKS = 5;
/** Asks of one size before it counts as too large. */
const CLIMB_TRIES = 3;
/** Looks with data flowing until a larger size is tried again; doubled each time, up to the second. */
const CLIMB_PAUSE_LOOKS = 600;
const CLIMB_PAUSE_MAX_LOOKS = 18_000;
/** Every path is sampled once in so many looks while data flows. */
const SAMPLE_LOOKS = 5;
/** Looks between two asks to the group while data flows. */
const GROUP_LOOKS = 3;
/** Asks to the group of which answers are still taken. */
const GROUP_NUMBERS = 3;
/** Asks to somebody who was refused, one each look. */
const DOUBT_ASKS = 4;
/** At this look somebody refused who has not answered is gone: the last ask had a look's time and a turn of reading. */
const DOUBT_LOOKS = 5;

export type PathTimer = 'look' | 'doubt';

export interface PathsOut {
  /** A datagram of that many bytes which the other side answers. */
  ask(to: number | 'group', number: number, bytes: number): void;
  /** `timer(key)` is wanted in `ms`. */
  setTimer(key: PathTimer, ms: number): void;
  down(place: number, why: Evidence): void;
}

export interface PathsOptions {
  /** Size of every datagram, 0: found out. */
  readonly datagramBytes: number;
  /** Data to all goes to a group. */
  readonly multicast: boolean;
}

/** Large and small ask of one sample. */
interface Sample {
  open: number;
  large: boolean;
  small: boolean;
}

interface Ask {
  readonly path: Path;
  readonly use: 'climb' | 'large' | 'small';
  readonly sample?: Sample;
  looks: number;
}

export class Paths {
  /** Size of datagram that gets through to everybody heard. */
  fitBytes: number;
  readonly #rungs: readonly number[];
  readonly #multicast: boolean;
  readonly #paths = new Map<number, Path>();
  readonly #asks = new Map<number, Ask>();
  readonly #out: PathsOut;
  #number = 0;
  #groupNumbers: number[] = [];
  /** Data was sent since the last look. */
  #flows = false;
  #looking = false;
  #looks = 0;
  #doubting = false;
  #turn = 0;

  constructor(options: PathsOptions, out: PathsOut) {
    this.#rungs = options.datagramBytes === 0 ? RUNGS : [options.datagramBytes];
    this.#multicast = options.multicast;
    this.#out = out;
    this.fitBytes = this.#rungs.at(-1)!;
  }

  /** Bytes of that peer arrived. True: the first since it was forgotten or went down. */
  heard(place: number): boolean {
    const path = this.#path(place);
    if (path.heard) return false;
    path.heard = true;
    path.told = false;
    path.rung = 0;
    path.tries = 0;
    path.pauseLooks = 0;
    path.missed = Infinity;
    this.#measure();
    this.#climb(path);
    if (this.#multicast) this.#askGroup();
    return true;
  }

  isHeard(place: number): boolean {
    return this.#paths.get(place)?.heard === true;
  }

  /** Does data sent to the group reach it? */
  inGroup(place: number): boolean {
    const path = this.#paths.get(place);
    return path?.heard === true && path.hearsGroup;
  }

  /** Everything said of that peer is forgotten. */
  forget(place: number): void {
    this.#paths.delete(place);
    for (const [number, ask] of this.#asks) if (ask.path.place === place) this.#asks.delete(number);
    this.#measure();
  }

  /** Data leaves: paths are worth looking at. */
  flows(): void {
    if (this.#flows) return;
    this.#flows = true;
    this.#look();
  }

  /** An answer to our ask. */
  answered(place: number, number: number, group: boolean): void {
    const path = this.#paths.get(place);
    if (path === undefined) return;
    if (group) {
      if (this.#groupNumbers.includes(number)) path.missed = 0;
      return;
    }
    if (path.doubt !== undefined && number >= path.doubt.first) path.doubt = undefined;
    const ask = this.#asks.get(number);
    if (ask?.path !== path) return;
    this.#asks.delete(number);
    if (ask.use !== 'climb') {
      ask.sample![ask.use] = true;
      this.#judge(ask);
      return;
    }
    path.rung++;
    path.tries = 0;
    this.#measure();
    this.#climb(path);
  }

  /** The system says that the peer, or its host, is not there. Its answer may say otherwise. */
  refused(place: number, kind: 'refused' | 'unanswered', code: string): void {
    const path = this.#path(place);
    if (path.told || path.doubt !== undefined) return;
    path.doubt = { kind, code, first: this.#number + 1, looks: 0 };
    this.#ask(place, SMALL_BYTES);
    if (this.#doubting) return;
    this.#doubting = true;
    this.#out.setTimer('doubt', DOUBT_MS);
  }

  timer(key: PathTimer): void {
    if (key === 'doubt') this.#onDoubt();
    else this.#onLook();
  }

  /** Short stable text for status. */
  describe(place: number): string {
    const path = this.#paths.get(place);
    if (path?.heard !== true) return path?.told === true ? 'gone' : 'not heard';
    const group = this.#multicast ? (path.hearsGroup ? ', hears the group' : ', does not hear the group') : '';
    return `heard, ${this.#rungs[path.rung]!} bytes${group}`;
  }

  #path(place: number): Path {
    let path = this.#paths.get(place);
    if (path === undefined) this.#paths.set(place, (path = new Path(place)));
    return path;
  }

  #measure(): void {
    let rung = this.#rungs.length - 1;
    for (const path of this.#paths.values()) if (path.heard) rung = Math.min(rung, path.rung);
    this.fitBytes = this.#rungs[rung]!;
  }

  #ask(to: number | 'group', bytes: number): number {
    this.#number++;
    this.#out.ask(to, this.#number, bytes);
    return this.#number;
  }

  #askAndWait(path: Path, use: Ask['use'], bytes: number, sample?: Sample): void {
    const ask: Ask = { path, use, looks: 0, ...(sample === undefined ? {} : { sample }) };
    this.#asks.set(this.#ask(path.place, bytes), ask);
    this.#look();
  }

  #climb(path: Path): void {
    const next = this.#rungs[path.rung + 1];
    if (next !== undefined) this.#askAndWait(path, 'climb', next);
  }

  #askGroup(): void {
    this.#groupNumbers = [...this.#groupNumbers, this.#ask('group', SMALL_BYTES)].slice(-GROUP_NUMBERS);
  }

  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#out.setTimer('look', LOOK_MS);
  }

  #onLook(): void {
    this.#looking = false;
    this.#looks++;
    for (const [number, ask] of this.#asks)
      if (++ask.looks >= ANSWER_LOOKS) {
        this.#asks.delete(number);
        this.#unanswered(ask);
      }
    if (this.#flows) this.#onFlow();
    this.#flows = false;
    if (this.#asks.size > 0) this.#look();
  }

  #onFlow(): void {
    const heard = [...this.#paths.values()].filter((p) => p.heard);
    if (this.#multicast && this.#looks % GROUP_LOOKS === 0) {
      for (const path of heard) path.missed++;
      this.#askGroup();
    }
    for (const path of heard)
      if (path.pauseLooks > 0 && --path.pauseLooks === 0) {
        path.tries = 0;
        this.#climb(path);
      }
    for (let i = Math.ceil(heard.length / SAMPLE_LOOKS); i > 0; i--) this.#sample(heard[this.#turn++ % heard.length]!);
    // Data has to flow on for the next look.
    this.#look();
  }

  #sample(path: Path): void {
    if (path.rung === 0) return;
    const sample: Sample = { open: 2, large: false, small: false };
    this.#askAndWait(path, 'large', this.#rungs[path.rung]!, sample);
    this.#askAndWait(path, 'small', SMALL_BYTES, sample);
  }

  #unanswered(ask: Ask): void {
    const { path } = ask;
    if (ask.use !== 'climb') return this.#judge(ask);
    path.tries++;
    if (path.tries < CLIMB_TRIES) this.#climb(path);
    else this.#pause(path);
  }

  /** A large ask lost where the small one was answered speaks against the size. */
  #judge(ask: Ask): void {
    const { path, sample } = ask;
    if (sample === undefined || --sample.open > 0 || !sample.small || path.rung === 0) return;
    if (!path.sampled(sample.large)) return;
    path.rung--;
    this.#pause(path);
    this.#measure();
  }

  #pause(path: Path): void {
    path.pauseLooks = Math.min(CLIMB_PAUSE_LOOKS << path.pauses, CLIMB_PAUSE_MAX_LOOKS);
    path.pauses = Math.min(path.pauses + 1, 8);
  }

  #onDoubt(): void {
    this.#doubting = false;
    for (const path of [...this.#paths.values()]) {
      const { doubt } = path;
      if (doubt === undefined) continue;
      doubt.looks++;
      if (doubt.looks < DOUBT_ASKS) this.#ask(path.place, SMALL_BYTES);
      if (doubt.looks < DOUBT_LOOKS) this.#doubting = true;
      else this.#gone(path, doubt);
    }
    if (this.#doubting) this.#out.setTimer('doubt', DOUBT_MS);
  }

  #gone(path: Path, doubt: NonNullable<Path['doubt']>): void {
    path.doubt = undefined;
    path.told = true;
    path.heard = false;
    this.#measure();
    const asked = `asked ${DOUBT_ASKS} times in ${DOUBT_LOOKS * DOUBT_MS} ms in vain`;
    this.#out.down(path.place, { kind: doubt.kind, detail: `${doubt.code}, then ${asked}` });
  }
}
