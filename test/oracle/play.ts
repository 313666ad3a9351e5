// Plays a script on a cluster and tells what every client saw, in words in which two clusters can be compared: names of
// daemons and groups are the same on both, ids of views are numbered in the order in which they appear.
import { createHash } from 'node:crypto';
import { connect, type Session, type SessionEvent, viewText } from '../../client-apis/binary/client/index.js';
import { Random } from '../sim/random.js';
import type { Script, Step } from './script.js';

/** One step, and per client what it saw of it. */
export interface Seen {
  readonly step: Step;
  readonly by: Readonly<Record<string, readonly string[]>>;
  /** Only of a burst: did all that saw all of it see one order? */
  readonly oneOrder: boolean | undefined;
}

export interface Where {
  readonly host: string;
  readonly port: number;
}

/** A connection that ended is noticed by its daemon some time later; nothing tells when. */
const END_MS = 250;
const STEP_LIMIT_MS = 20_000;
/** Type of the messages that end a step: sent to everybody by whoever acted, so that they come behind what it caused. */
const FENCE_TYPE = 31_999;

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

/** The daemons changed their configuration, which no step asked for: the machine was too busy. The script says nothing. */
export class Disturbed extends Error {}

export class Player {
  private readonly sessions = new Map<number, Session>();
  private readonly seen = new Map<number, SessionEvent[]>();
  private readonly ids = new Map<string, string>();
  /** How often each group began anew. */
  private readonly lives = new Map<string, number>();
  private readonly fences = new Map<number, number>();
  private fence = 0;
  private views = 0;
  private readonly names: Random;

  constructor(
    private readonly script: Script,
    private readonly hosts: readonly Where[],
    /** Makes names and groups unique on a cluster that ran other scripts. */
    private readonly tag: string,
  ) {
    this.names = new Random(script.seed, 'names');
  }

  async play(): Promise<Seen[]> {
    const all: Seen[] = [];
    try {
      for (const step of this.script.steps) {
        for (const events of this.seen.values()) events.length = 0;
        await this.act(step);
        await this.fenced(step);
        all.push(this.told(step));
      }
      return all;
    } finally {
      await Promise.all([...this.sessions.values()].map((s) => s.disconnect()));
    }
  }

  private async act(step: Step): Promise<void> {
    switch (step.do) {
      case 'connect':
        return this.connect(step.client, this.hosts[step.daemon]!, step.membership);
      case 'join':
        void this.session(step.client).join(this.group(step.group));
        return;
      case 'leave':
        void this.session(step.client).leave(this.group(step.group));
        return;
      case 'send': {
        const to = step.to.map((t) =>
          t.startsWith('@') ? this.session(Number(t.slice(1))).privateGroup : this.group(t),
        );
        const { type, selfDiscard } = step;
        this.session(step.client).multicast(step.level, to, this.body(step.client, step.bytes), { type, selfDiscard });
        return;
      }
      case 'burst':
        for (let i = 0; i < step.count; i++)
          for (const c of step.clients) this.session(c).multicast(step.level, this.group(step.group), `${c}.${i}`);
        return;
      case 'end': {
        const s = this.session(step.client);
        this.sessions.delete(step.client);
        this.seen.delete(step.client);
        if (step.how === 'kill') await s.disconnect();
        else s.kill();
      }
    }
  }

  private async connect(client: number, at: Where, membership: boolean): Promise<void> {
    const name = `${this.tag}${client}`;
    const session = await connect({ ...at, name, membership });
    const events: SessionEvent[] = [];
    this.sessions.set(client, session);
    this.seen.set(client, events);
    for (const kind of ['message', 'view', 'transitional', 'left', 'rejected'] as const)
      session.on(kind, (e: SessionEvent) => {
        if (e.kind === 'message' && e.type === FENCE_TYPE) this.fences.set(client, Buffer.from(e.data).readUInt32LE());
        else events.push(e);
      });
  }

  private session(client: number): Session {
    const s = this.sessions.get(client);
    if (!s) throw new Error(`script ${this.script.seed} speaks of client ${client}, which is gone`);
    return s;
  }

  private group(name: string): string {
    return `${this.tag}${name}`;
  }

  private body(client: number, bytes: number): Uint8Array {
    const b = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i++) b[i] = (client * 31 + i + this.names.below(256)) & 0xff;
    return b;
  }

  /** Everything that the step caused has come to everybody. */
  private async fenced(step: Step): Promise<void> {
    const actors =
      step.do === 'burst' ? step.clients : step.do === 'end' ? [[...this.sessions.keys()][0]!] : [step.client];
    if (step.do === 'end') await sleep(END_MS);
    const all = [...this.sessions.values()].map((s) => s.privateGroup);
    for (const actor of actors) {
      const b = Buffer.alloc(4);
      b.writeUInt32LE(++this.fence);
      this.session(actor).multicast('agreed', all, b, { type: FENCE_TYPE });
      const began = performance.now();
      while ([...this.sessions.keys()].some((c) => (this.fences.get(c) ?? 0) < this.fence)) {
        if (performance.now() - began > STEP_LIMIT_MS)
          throw new Disturbed(`script ${this.script.seed}, ${JSON.stringify(step)}: not ended, ${this.waiting()}`);
        await sleep(1);
      }
    }
  }

  private waiting(): string {
    return [...this.sessions]
      .map(([c, s]) => `${c} ${s.connected ? 'has' : 'LOST'} ${this.fences.get(c) ?? 0} of ${this.fence}`)
      .join(', ');
  }

  private told(step: Step): Seen {
    const by: Record<string, readonly string[]> = {};
    const orders: string[] = [];
    for (const [client, events] of [...this.seen].sort(([a], [b]) => a - b)) {
      const lines = events.map((e) => this.line(e));
      if (step.do === 'burst' && lines.length === step.count * step.clients.length) orders.push(lines.join('\n'));
      // Who spoke first in a burst is up to the hour; that all agree is not.
      by[String(client)] = step.do === 'burst' ? [...lines].sort() : lines;
    }
    return { step, by, oneOrder: step.do === 'burst' ? orders.every((o) => o === orders[0]) : undefined };
  }

  private line(e: SessionEvent): string {
    const plain = (name: string): string => name.replaceAll(this.tag, '');
    if (e.kind === 'transitional' || (e.kind === 'view' && e.cause === 'network'))
      throw new Disturbed(`script ${this.script.seed}: the network changed`);
    switch (e.kind) {
      case 'message': {
        const digest = createHash('sha256').update(e.data).digest('hex').slice(0, 12);
        return `message ${e.service.toString(16)} from ${plain(e.sender)} to ${e.groups.map(plain).join(' ')} type ${e.type} ${e.data.length} bytes ${digest}`;
      }
      case 'view': {
        // The peer counts a group that was empty anew, and so repeats ids; ours never does (docs/spread-differences.md).
        if (e.cause === 'join' && e.members.length === 1) this.lives.set(e.group, (this.lives.get(e.group) ?? 0) + 1);
        const sets = e.sets.map((s) => s.map(plain).join(' ')).join(' | ');
        return `view ${e.cause} of ${plain(e.group)} ${this.id(e.group, viewText(e.id))} [${e.members.map(plain).join(' ')}] own ${e.ownIndex} sets [${sets}] local ${e.localSet}`;
      }
      default:
        return e.kind === 'left' ? `left ${plain(e.group)}` : e.kind;
    }
  }

  /** v1, v2 ... in the order in which they appear. */
  private id(group: string, view: string): string {
    const text = `${group} ${this.lives.get(group) ?? 0} ${view}`;
    let known = this.ids.get(text);
    if (known === undefined) this.ids.set(text, (known = `v${++this.views}`));
    return known;
  }
}

/** The first difference of two plays, in words; undefined: none. */
export function difference(ours: readonly Seen[], theirs: readonly Seen[]): string | undefined {
  for (const [i, a] of ours.entries()) {
    const b = theirs[i]!;
    const what = `step ${i + 1} ${JSON.stringify(a.step)}`;
    if (a.oneOrder === false || b.oneOrder === false)
      return `${what}: orders differ, ours ${String(a.oneOrder)}, theirs ${String(b.oneOrder)}`;
    for (const client of new Set([...Object.keys(a.by), ...Object.keys(b.by)])) {
      const [x, y] = [a.by[client] ?? [], b.by[client] ?? []];
      if (x.join('\n') !== y.join('\n'))
        return `${what}, client ${client}:\n  ours   ${x.join('\n         ') || '-'}\n  theirs ${y.join('\n         ') || '-'}`;
    }
  }
  return undefined;
}
