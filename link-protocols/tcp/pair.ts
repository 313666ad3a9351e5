// One peer: the two connections we dialled to it (we read them), the two it dialled to us (we write them), and what
// follows when one of the four comes, breaks, or belongs to another life of the pair. Rules: README.md, "A pair".
import type { Address, Bytes, Evidence, Plane, TimerHandle, Timers } from 'peal/plugin';
import { Dialled, NO_HELLO } from './dialled.js';
import { Outgoing } from './outgoing.js';
import type { Hello } from './wire.js';
import { writeHello } from './wire.js';

/** Within this time a peer must answer the dial after a break, else its process or host is taken for dead, in ms. */
export const PROBE_LIMIT_MS = 200;
/** After one connection ended the others are still read for this long: last words may be on them, in ms. */
const LAST_WORDS_MS = 1;
/** Pause between two dials of one probe, when a dial was broken off without being refused, in ms. */
const PROBE_PAUSE_MS = 10;

const PLANES: readonly Plane[] = ['control', 'data'];

/** What a pair needs of its medium. */
export interface PairHost {
  readonly self: Address;
  /** Dial from here; undefined: from wherever the system likes. */
  readonly localHost: string | undefined;
  readonly listHash: number;
  readonly incarnation: bigint;
  readonly maxBytes: number;
  /** Rises with every call. */
  nextLife(): number;
  readonly timers: Timers;
  up(place: number): void;
  down(place: number, why: Evidence): void;
  received(place: number, plane: Plane, bytes: Bytes): void;
  writable(place: number): void;
  flush(): void;
  noise(place: number, what: string): void;
  /** The pair is not up and should be dialled again soon. */
  dialLater(): void;
  /** One clause on what is wrong with that hello, undefined if nothing is. */
  objection(hello: Hello): string | undefined;
}

/** The other side's life that we have heard of last. */
interface Tag {
  readonly incarnation: bigint;
  readonly life: number;
}

/** The pair broke and it is being found out why: what was seen, when to stop asking, when to dial again. */
interface Probe {
  readonly detail: string;
  limit: TimerHandle;
  again?: TimerHandle;
}

export class Pair {
  /** Named by `peers`: dialled unasked, reached by 'all'. */
  wanted = false;
  /** The other side was reported up. */
  isUp = false;
  breaks = 0;

  readonly #host: PairHost;
  readonly #dialled = new Map<Plane, Dialled>();
  readonly #out = new Map<Plane, Outgoing>();
  #life: number;
  #remote: Tag | undefined;
  #probe: Probe | undefined;
  /** What the core was told last: a dial that goes on being refused is told once. */
  #told: Evidence['kind'] | 'up' | undefined;
  #ended = false;

  constructor(
    readonly address: Address,
    host: PairHost,
  ) {
    this.#host = host;
    this.#life = host.nextLife();
  }

  out(plane: Plane): Outgoing | undefined {
    return this.isUp && this.#probe === undefined ? this.#out.get(plane) : undefined;
  }

  get connected(): boolean {
    return this.isUp && this.#probe === undefined;
  }

  queued(plane: Plane): number {
    return this.#out.get(plane)?.queued ?? 0;
  }

  /** Dials the planes that are not dialled yet. */
  dial(): void {
    if (this.#ended || this.#probe !== undefined) return;
    for (const plane of PLANES) if (!this.#dialled.has(plane)) this.#dialPlane(plane);
  }

  /** The peer dialled us with this hello: is the connection to be taken? May end the life before; then `life` differs. */
  meets(hello: Hello): boolean {
    if (this.#ended || !this.#isCurrent(hello)) return false;
    const old = this.#out.get(hello.plane);
    if (old === undefined) return true;
    if (this.connected) this.#fall('lost', 'dialled anew by the other side', false);
    old.destroy();
    this.#out.delete(hello.plane);
    return true;
  }

  /** Which life our hello names. */
  get life(): number {
    return this.#life;
  }

  /** `meets` said yes and our hello was said: this is now the way to the peer on that plane. */
  take(plane: Plane, make: (room: () => void, ended: (code: string) => void) => Outgoing): void {
    if (this.#probe !== undefined) this.#endProbe('lost');
    const out: Outgoing = make(
      () => this.#host.writable(this.address.place),
      (code) => {
        if (this.#out.get(plane) === out) this.#broke(`${plane} connection: ${code}`);
      },
    );
    this.#out.set(plane, out);
    this.dial();
    this.#complete();
  }

  /** Gives up all connections without a word to the core; the other side notices. */
  sever(): void {
    this.#cancelProbe();
    this.isUp = false;
    this.#drop(() => true);
    this.#life = this.#host.nextLife();
    if (this.wanted && !this.#ended) this.#host.dialLater();
  }

  /** What was offered may leave; nothing new begins and nothing is handed up. */
  finish(): void {
    this.#ended = true;
    this.isUp = false;
    this.#cancelProbe();
    for (const o of this.#out.values()) o.finish();
    // Were these closed now, the other side would give the pair up before it has read our last words.
    for (const d of this.#dialled.values())
      if (d.welcome) d.mute();
      else d.destroy();
  }

  /** After `finish`: whatever is left goes. */
  destroy(): void {
    this.#drop(() => true);
  }

  #dialPlane(plane: Plane): void {
    const { self, localHost, incarnation, listHash, maxBytes, timers } = this.#host;
    const { place } = this.address;
    const hello: Hello = { plane, from: self.place, to: place, listHash, incarnation, life: this.#life };
    const dialled: Dialled = new Dialled(this.address, localHost, plane, writeHello(hello), maxBytes, timers, {
      welcomed: (answer) => this.#welcomed(dialled, answer),
      message: (bytes) => this.#host.received(place, plane, bytes),
      chunkEnd: () => this.#host.flush(),
      ended: (code) => this.#dialEnded(dialled, code),
    });
    this.#dialled.set(plane, dialled);
  }

  #welcomed(dialled: Dialled, answer: Hello | string): boolean {
    const wrong = this.#wrong(dialled, answer);
    if (wrong !== undefined || typeof answer === 'string') {
      this.#host.noise(this.address.place, `dialled, but ${wrong ?? 'it said nothing'}`);
      this.#dialled.delete(dialled.plane);
      if (this.#probe !== undefined) this.#endProbe('lost');
      this.#retryLater();
      return false;
    }
    // News in the answer may have ended the life that our hello named, and this connection with it.
    if (!this.#isCurrent(answer) || this.#dialled.get(dialled.plane) !== dialled) {
      if (this.#dialled.get(dialled.plane) === dialled) this.#dialled.delete(dialled.plane);
      this.#retryLater();
      return false;
    }
    dialled.welcome = true;
    if (this.#probe !== undefined) this.#endProbe('lost');
    this.dial();
    this.#complete();
    return true;
  }

  #wrong(dialled: Dialled, answer: Hello | string): string | undefined {
    if (typeof answer === 'string') return answer;
    if (answer.plane !== dialled.plane) return 'it answers for another plane';
    if (answer.from !== this.address.place) return `it has place ${answer.from} in its list, not ${this.address.place}`;
    return this.#host.objection(answer);
  }

  #dialEnded(dialled: Dialled, code: string): void {
    if (this.#dialled.get(dialled.plane) !== dialled) return;
    if (dialled.welcome) {
      this.#broke(`${dialled.plane} connection: ${code}`);
      return;
    }
    this.#dialled.delete(dialled.plane);
    const kind = kindOf(code);
    if (this.#probe === undefined) {
      // Not up before either: but now the core knows that the process is gone, not only the connection.
      if (kind !== undefined && this.wanted && this.#told !== kind) this.#report({ kind, detail: `dialled: ${code}` });
      else this.#retryLater();
    } else if (kind !== undefined) this.#endProbe(kind);
    else this.#probe.again = this.#host.timers.set(PROBE_PAUSE_MS, () => this.#dialPlane('control'));
  }

  /** Is that hello of the other side's present life? News of a later life end everything of the earlier one. */
  #isCurrent(hello: Hello): boolean {
    const before = this.#remote;
    const restarted = before !== undefined && hello.incarnation !== before.incarnation;
    if (before !== undefined) {
      // While connected an older incarnation is a ghost; otherwise its clock may simply have been set back.
      if (restarted ? this.connected && hello.incarnation < before.incarnation : hello.life < before.life) return false;
      if (!restarted && hello.life === before.life) return true;
    }
    this.#remote = { incarnation: hello.incarnation, life: hello.life };
    const kind = restarted ? 'restarted' : 'lost';
    if (this.connected) this.#fall(kind, restarted ? 'a new incarnation dialled' : 'given up by the other side', false);
    else {
      // What was agreed with the life before goes; dials that are under way may still succeed.
      this.#drop((d) => d.welcome);
      if (this.#probe !== undefined) this.#endProbe(kind);
    }
    return true;
  }

  #complete(): void {
    if (this.isUp || this.#out.size < PLANES.length) return;
    for (const plane of PLANES) if (this.#dialled.get(plane)?.welcome !== true) return;
    const { place } = this.address;
    this.isUp = true;
    this.#told = 'up';
    this.#host.up(place);
    this.#host.flush();
    for (const dialled of [...this.#dialled.values()]) dialled.open();
  }

  /** A connection of the four ended by itself. */
  #broke(detail: string): void {
    const life = this.#life;
    if (this.#ended) return;
    if (!this.connected) this.#fall('lost', detail, false);
    else
      this.#host.timers.set(LAST_WORDS_MS, () => {
        if (this.#life === life && this.connected) this.#fall('lost', detail, true);
      });
  }

  /** The pair is broken: everything of this life goes, and the core hears of it, after a probe if one is wanted. */
  #fall(kind: Evidence['kind'], detail: string, probe: boolean): void {
    const wasConnected = this.connected;
    this.#drop(() => true);
    this.#life = this.#host.nextLife();
    if (!wasConnected) {
      this.#retryLater();
      return;
    }
    this.breaks++;
    if (!probe || this.#ended) {
      this.#report({ kind, detail });
      return;
    }
    // Our own process may have stood still: after the limit everything that has arrived is read, then it is judged.
    const limit = this.#host.timers.set(PROBE_LIMIT_MS, () => {
      started.limit = this.#host.timers.set(LAST_WORDS_MS, () => {
        this.#dialled.get('control')?.destroy();
        this.#dialled.delete('control');
        this.#endProbe('unanswered');
      });
    });
    const started: Probe = { detail, limit };
    this.#probe = started;
    this.#dialPlane('control');
  }

  #endProbe(kind: Evidence['kind']): void {
    const { detail } = this.#probe!;
    this.#cancelProbe();
    const also: Partial<Record<Evidence['kind'], string>> = {
      refused: ', a new dial was refused',
      unanswered: ', a new dial was not answered',
    };
    this.#report({ kind, detail: detail + (also[kind] ?? '') });
  }

  #cancelProbe(): void {
    if (this.#probe === undefined) return;
    this.#host.timers.cancel(this.#probe.limit);
    if (this.#probe.again !== undefined) this.#host.timers.cancel(this.#probe.again);
    this.#probe = undefined;
  }

  #report(why: Evidence): void {
    this.isUp = false;
    this.#told = why.kind;
    this.#host.down(this.address.place, why);
    this.#host.flush();
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.wanted && !this.#ended) this.#host.dialLater();
  }

  #drop(which: (d: Dialled) => boolean): void {
    for (const [plane, d] of this.#dialled) {
      if (!which(d)) continue;
      d.destroy();
      this.#dialled.delete(plane);
    }
    for (const o of this.#out.values()) o.destroy();
    this.#out.clear();
  }
}

/** What a failed dial says of the other process, if anything. */
function kindOf(code: string): 'refused' | 'unanswered' | undefined {
  if (code === 'ECONNREFUSED') return 'refused';
  return code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === NO_HELLO ? 'unanswered' : undefined;
}
