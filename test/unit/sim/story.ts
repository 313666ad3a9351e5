// Hand-made traces for the tests of the checkers: a small language in which a story of daemons and sessions is told in
// a few lines. Everything it tells by itself is right, so that each test breaks exactly one thing.
import { Service } from '../../../core/wire/frame.js';
import { type CheckerOptions, PEAL_OPTIONS, check } from '../../sim/checkers.js';
import type { Violation } from '../../sim/ledger.js';
import type { TraceEvent, ViewCause, ViewEvent } from '../../sim/trace.js';

export interface SendParts {
  readonly service?: number;
  readonly discard?: boolean;
}

export interface ViewParts {
  readonly cause?: ViewCause;
  readonly sets?: readonly (readonly string[])[];
  readonly own?: number;
}

export class Story {
  readonly events: TraceEvent[] = [];
  private t = 0;
  private readonly names = new Map<number, string>();
  private readonly sent = new Map<number, { sender: string; service: number; groups: readonly string[] }>();

  constructor(...daemons: string[]) {
    this.events.push({ t: 0, event: 'cluster', daemons });
    for (const daemon of daemons) this.add({ event: 'boot', daemon, incarnation: '1' });
  }

  /** Judges the story. */
  told(options: CheckerOptions = PEAL_OPTIONS): readonly Violation[] {
    return check(this.events, options);
  }

  /** The guarantees that it breaks, each once. */
  broken(options: CheckerOptions = PEAL_OPTIONS): string[] {
    return [...new Set(this.told(options).map((v) => v.guarantee))].sort();
  }

  install(config: string, ...daemons: string[]): this {
    for (const d of daemons) this.installOne(config, d, daemons);
    return this;
  }

  installOne(config: string, daemon: string, members: readonly string[]): this {
    const time = Number(config.split('.')[1]);
    const names = members.map((m) => `${m}/1`);
    return this.add({ event: 'install', daemon, incarnation: '1', config, time, members: names });
  }

  transitional(config: string, ...survivors: string[]): this {
    for (const daemon of survivors) this.transitionalOne(config, daemon, survivors);
    return this;
  }

  transitionalOne(config: string, daemon: string, survivors: readonly string[]): this {
    const names = survivors.map((m) => `${m}/1`);
    return this.add({ event: 'transitional', daemon, incarnation: '1', config, survivors: names });
  }

  crash(daemon: string): this {
    return this.add({ event: 'crash', daemon, incarnation: '1' });
  }

  status(daemon: string, groups: number, counters: Record<string, number> = {}): this {
    return this.add({ event: 'status', daemon, incarnation: '1', groups, counters });
  }

  /** Session `n` is called `#s<n>#<daemon>`. */
  connect(session: number, daemon: string, membership = true): this {
    const name = `#s${session}#${daemon}`;
    this.names.set(session, name);
    return this.add({ event: 'connect', session, daemon, incarnation: '1', name, membership });
  }

  disconnect(session: number): this {
    return this.add({ event: 'disconnect', session });
  }

  gone(session: number): this {
    return this.add({ event: 'gone', session });
  }

  join(session: number, group = 'g'): this {
    return this.add({ event: 'join', session, group });
  }

  leave(session: number, group = 'g'): this {
    return this.add({ event: 'leave', session, group });
  }

  selfLeave(session: number, group = 'g'): this {
    return this.add({ event: 'self-leave', session, group });
  }

  transition(session: number, id: string, group = 'g'): this {
    return this.add({ event: 'transition', session, group, id });
  }

  /** By default caused by the join of the last of `members`. */
  view(session: number, id: string, members: readonly number[], parts: ViewParts = {}, group = 'g'): this {
    const names = members.map((m) => this.names.get(m)!);
    const e: Omit<ViewEvent, 't'> = {
      event: 'view',
      session,
      group,
      id,
      cause: parts.cause ?? 'join',
      members: names,
      sets: parts.sets ?? [[names.at(-1)!]],
      own: parts.own ?? 0,
    };
    return this.add(e);
  }

  send(session: number, id: number, groups: readonly string[] = ['g'], parts: SendParts = {}): this {
    const service = parts.service ?? Service.AGREED;
    this.sent.set(id, { sender: this.names.get(session)!, service, groups });
    return this.add({ event: 'send', session, id, service, groups, bytes: 10, discard: parts.discard ?? false });
  }

  /** Message `id`, as it was sent but for what `wrong` says, reaches these sessions. */
  deliver(id: number, sessions: readonly number[], wrong: Partial<{ sender: string; corrupt: boolean }> = {}): this {
    const m = this.sent.get(id) ?? { sender: '#x#y', service: Service.AGREED, groups: ['g'] };
    for (const session of sessions) this.add({ event: 'deliver', session, id, ...m, bytes: 10, ...wrong });
    return this;
  }

  calm(): this {
    return this.add({ event: 'calm' });
  }

  calmEnd(): this {
    return this.add({ event: 'calm-end' });
  }

  settled(...components: (readonly string[])[]): this {
    return this.add({ event: 'settled', components });
  }

  private add(e: Untimed<TraceEvent>): this {
    this.events.push({ ...e, t: ++this.t });
    return this;
  }
}

type Untimed<E> = E extends TraceEvent ? Omit<E, 't'> : never;

/** Daemons a and b in configuration 1.1; sessions 1 and 2 on them, both in group g (views 1.1.1, 1.1.2). */
export function pair(): Story {
  return new Story('a', 'b')
    .install('1.1', 'a', 'b')
    .connect(1, 'a')
    .connect(2, 'b')
    .join(1)
    .view(1, '1.1.1', [1])
    .join(2)
    .view(1, '1.1.2', [1, 2])
    .view(2, '1.1.2', [1, 2]);
}
