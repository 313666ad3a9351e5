// The trace: what processes and clients saw, as plain events (format: test/sim/README.md). The checkers read nothing
// else, so they judge the simulator, real processes and clients of a real Spread alike.
import { hashText } from './random.js';

/** Why a view came. */
export type ViewCause = 'join' | 'leave' | 'disconnect' | 'network';

interface OfDaemon {
  readonly daemon: string;
  /** Decimal. */
  readonly incarnation: string;
}

export interface ViewEvent {
  readonly t: number;
  readonly event: 'view';
  readonly session: number;
  readonly group: string;
  /** proc.time.index, decimal. */
  readonly id: string;
  readonly cause: ViewCause;
  /** Private groups in view order. */
  readonly members: readonly string[];
  readonly sets: readonly (readonly string[])[];
  /** Which of `sets` the receiver is told is its own; -1: the offset points to none. */
  readonly own: number;
}

export interface SendEvent {
  readonly t: number;
  readonly event: 'send';
  readonly session: number;
  /** Unique in the trace. */
  readonly id: number;
  /** One of the six service bits of the client protocol. */
  readonly service: number;
  readonly groups: readonly string[];
  readonly bytes: number;
  /** SELF_DISCARD was asked for. */
  readonly discard: boolean;
}

export interface DeliverEvent {
  readonly t: number;
  readonly event: 'deliver';
  readonly session: number;
  readonly id: number;
  readonly sender: string;
  readonly service: number;
  readonly groups: readonly string[];
  readonly bytes: number;
  /** The body is not what its id says it must be. */
  readonly corrupt?: boolean;
}

export interface InstallEvent extends OfDaemon {
  readonly t: number;
  readonly event: 'install';
  /** number.time, decimal. */
  readonly config: string;
  readonly time: number;
  /** name/incarnation, in order. */
  readonly members: readonly string[];
}

export type TraceEvent =
  | ViewEvent
  | SendEvent
  | DeliverEvent
  | InstallEvent
  /** First event: the daemon list in its order. */
  | { readonly t: number; readonly event: 'cluster'; readonly daemons: readonly string[] }
  | (OfDaemon & { readonly t: number; readonly event: 'boot' | 'crash' | 'leaving' | 'stop' })
  | (OfDaemon & {
      readonly t: number;
      readonly event: 'transitional';
      readonly config: string;
      readonly survivors: readonly string[];
    })
  | (OfDaemon & {
      readonly t: number;
      readonly event: 'status';
      readonly groups: number;
      readonly counters: Readonly<Record<string, number>>;
    })
  | (OfDaemon & {
      readonly t: number;
      readonly event: 'connect';
      readonly session: number;
      readonly name: string;
      readonly membership: boolean;
    })
  | { readonly t: number; readonly event: 'disconnect' | 'gone'; readonly session: number }
  | {
      readonly t: number;
      readonly event: 'join' | 'leave' | 'self-leave';
      readonly session: number;
      readonly group: string;
    }
  | {
      readonly t: number;
      readonly event: 'transition';
      readonly session: number;
      readonly group: string;
      readonly id: string;
    }
  | { readonly t: number; readonly event: 'fault' | 'note'; readonly what: string }
  /** From here on to `calm-end` no fault happens: what is sent must arrive. */
  | { readonly t: number; readonly event: 'calm' | 'calm-end' }
  /** Everything must have come to rest: each component is one configuration and nothing is under way. */
  | { readonly t: number; readonly event: 'settled'; readonly components: readonly (readonly string[])[] };

export function toLine(e: TraceEvent): string {
  return JSON.stringify(e);
}

/** Reads JSON lines; empty lines are skipped. Throws on a line that is no object with `t` and `event`. */
export function fromLines(text: string): TraceEvent[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, i) => {
      const e = JSON.parse(line) as Partial<TraceEvent> | null;
      if (e === null || typeof e.t !== 'number' || typeof e.event !== 'string')
        throw new Error(`line ${i + 1} is no trace event: ${line.slice(0, 80)}`);
      return e as TraceEvent;
    });
}

/** A running 64-bit hash of a trace: equal hashes, equal runs. */
export class TraceHash {
  private a = 0x811c9dc5;
  private b = 0x9e3779b9;
  private readonly texts = new Map<string, number>();

  add(e: TraceEvent): void {
    this.number(e.t);
    this.text(e.event);
    if (e.event === 'deliver' || e.event === 'send') {
      this.number(e.session);
      this.number(e.id);
      this.number(e.bytes);
    } else this.text(toLine(e));
  }

  hex(): string {
    return this.a.toString(16).padStart(8, '0') + this.b.toString(16).padStart(8, '0');
  }

  private number(n: number): void {
    this.a = Math.imul(this.a ^ (n | 0), 0x01000193) >>> 0;
    this.b = (Math.imul(this.b, 0x85ebca6b) + (n | 0) + (this.a >>> 15)) >>> 0;
  }

  private text(s: string): void {
    if (s.length > 16) {
      this.number(hashText(s));
      return;
    }
    let h = this.texts.get(s);
    if (h === undefined) this.texts.set(s, (h = hashText(s)));
    this.number(h);
  }
}
