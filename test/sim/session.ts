// A simulated client: it joins, leaves, sends and ends, and waits when its daemon does not read.
import { Service, buildFrame } from '../../core/wire/frame.js';
import type { SimDaemon } from './daemon.js';
import type { Sent } from './payload.js';
import { Slab } from './slab.js';
import type { TraceEvent } from './trace.js';

/** What a client waits with at the most while its daemon does not read, in requests. */
const WAITING_MAX = 1000;

/** What clients gave their daemons. */
const runs = new Slab();

interface Request {
  readonly frame: Uint8Array;
  readonly event: TraceEvent;
}

export interface SessionWorld {
  now(): number;
  trace(e: TraceEvent): void;
  compose(sender: string, service: number, groups: readonly string[], discard: boolean, bytes: number): Sent;
}

export class SimSession {
  connected = true;
  readonly privateGroup: string;
  /** Groups this client has asked for. */
  readonly joined = new Set<string>();
  private queue: (() => Request)[] = [];

  constructor(
    readonly uid: number,
    name: string,
    readonly daemon: SimDaemon,
    readonly membership: boolean,
    private readonly world: SessionWorld,
  ) {
    this.privateGroup = `#${name}#${daemon.name}`;
  }

  join(group: string): void {
    if (this.ask('join', group)) this.joined.add(group);
  }

  leave(group: string): void {
    if (this.ask('leave', group)) this.joined.delete(group);
  }

  /** One message; `service` is one of the six regular bits. */
  multicast(service: number, groups: readonly string[], bytes: number, discard: boolean): void {
    this.request(() => {
      const m = this.world.compose(this.privateGroup, service, groups, discard, bytes);
      const t = this.world.now();
      const event = { t, event: 'send' as const, session: this.uid, id: m.id, service, groups, bytes, discard };
      return { frame: m.frame, event };
    });
  }

  /** Gives the daemon all that waits, as one run of frames, if it reads. */
  pump(): void {
    const d = this.daemon;
    if (!this.connected || !d.awake || !d.reading || this.queue.length === 0) return;
    const requests = this.queue.map((make) => make());
    this.queue = [];
    d.backlog.delete(this);
    for (const r of requests) this.world.trace(r.event);
    const bytes = requests.reduce((sum, r) => sum + r.frame.length, 0);
    const run = runs.take(bytes);
    let at = 0;
    for (const { frame } of requests) {
      run.set(frame, at);
      at += frame.length;
    }
    // Some runs may be kept where they are; who did not copy the others finds rubbish.
    const lasting = bytes % 3 === 0;
    if (lasting) d.lending.lend(run);
    d.tick(() => d.machine.submit(this.uid, run, lasting));
    if (!lasting) run.fill(0xff);
  }

  /** KILL or a lost connection. */
  close(): void {
    const d = this.daemon;
    if (!this.connected || !d.awake) return;
    this.connected = false;
    this.queue = [];
    d.backlog.delete(this);
    this.world.trace({ t: this.world.now(), event: 'disconnect', session: this.uid });
    d.tick(() => d.machine.close(this.uid));
  }

  /** Tells the daemon that this client reads too slowly, or no longer so; kept for later while the daemon is paused. */
  congested(on: boolean): void {
    const d = this.daemon;
    if (!this.connected || !d.alive) return;
    if (d.paused) d.onResume.push(() => this.congested(on));
    else d.tick(() => d.machine.congested(this.uid, on));
  }

  private ask(what: 'join' | 'leave', group: string): boolean {
    return this.request(() => ({
      frame: buildFrame({
        service: what === 'join' ? Service.JOIN : Service.LEAVE,
        sender: this.privateGroup,
        groups: [group],
      }),
      event: { t: this.world.now(), event: what, session: this.uid, group },
    }));
  }

  private request(make: () => Request): boolean {
    if (!this.connected || this.queue.length >= WAITING_MAX) return false;
    this.queue.push(make);
    this.daemon.backlog.add(this);
    return true;
  }
}
