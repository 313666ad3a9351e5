// One client in the daemon's own process, as its application sees it: calls make canonical frames, delivered frames
// become events. Pure: a promise is all that waits here.
import type { FrameEvent } from '../../core/wire/event.js';
import { readEvents } from '../../core/wire/event.js';
import { HEADER_BYTES, MAX_GROUPS, NAME_BYTES, Service, buildFrame } from '../../core/wire/frame.js';
import { isGroupName } from '../../core/wire/name.js';

/** Levels of service, weakest first. */
export type Level = 'unreliable' | 'reliable' | 'fifo' | 'causal' | 'agreed' | 'safe';

const LEVELS: Record<Level, number> = {
  unreliable: Service.UNRELIABLE,
  reliable: Service.RELIABLE,
  fifo: Service.FIFO,
  causal: Service.CAUSAL,
  agreed: Service.AGREED,
  safe: Service.SAFE,
};

export interface Outgoing {
  /** 1 to 100 group names or private groups, each of 1 to 31 characters up to 0xff. */
  readonly groups: readonly string[];
  readonly data: Uint8Array;
  /** Default 'agreed'. */
  readonly level?: Level;
  /** Signed 16 bit, for the application; default 0. */
  readonly type?: number;
  /** The sender gets no copy; default false. */
  readonly selfDiscard?: boolean;
}

/** What an illegal call is told; index.ts makes coded errors of it. */
export type Misuse = 'closed' | 'illegal-group' | 'groups' | 'too-long';

export interface MemoryOut {
  readonly privateGroup: string;
  /** Largest 32 * groups + data, bytes. */
  readonly maxMessageBytes: number;
  /** The queue of events is full. */
  kick(detail: string): void;
  misused(why: Misuse, detail: string): Error;
}

/** Takes events as they come, at the end of each tick; `data` is shared memory: not to be changed. */
export type EventTaker = (event: FrameEvent) => void;

export class EventQueue {
  private runs: Uint8Array[] = [];
  private events: FrameEvent[] = [];
  private head = 0;
  private readonly takers: ((event: FrameEvent | undefined) => void)[] = [];
  private over = false;

  constructor(
    private readonly out: MemoryOut,
    private readonly taker: EventTaker | undefined,
    /** Events that may wait. */
    private readonly limit: number,
  ) {}

  deliver(frames: Uint8Array): void {
    if (!this.over) this.runs.push(frames);
  }

  /** End of a tick: events go to who waits for them; what is left is copied, since a run is part of a large slab. */
  flush(): void {
    const runs = this.runs;
    this.runs = [];
    for (const run of runs) {
      if (this.over) return;
      for (const event of readEvents(this.taker === undefined ? new Uint8Array(run) : run) ?? []) this.pass(event);
    }
    if (this.events.length - this.head > this.limit) this.out.kick(`more than ${this.limit} events wait to be taken`);
  }

  private pass(event: FrameEvent): void {
    if (this.over) return;
    if (this.taker !== undefined) this.taker(event);
    else if (this.takers.length > 0) this.takers.shift()!(event);
    else this.events.push(event);
  }

  /** The next event; undefined when the session is over and all events were taken. */
  next(): Promise<FrameEvent | undefined> {
    if (this.head < this.events.length) {
      const event = this.events[this.head++];
      if (this.head === this.events.length) {
        this.events = [];
        this.head = 0;
      }
      return Promise.resolve(event);
    }
    if (this.over) return Promise.resolve(undefined);
    return new Promise((resolve) => this.takers.push(resolve));
  }

  /** Nothing more comes; what is queued can still be taken. */
  end(): void {
    this.over = true;
    this.runs = [];
    for (const taker of this.takers.splice(0)) taker(undefined);
  }
}

function isDestination(name: string): boolean {
  if (name.length < 1 || name.length >= NAME_BYTES) return false;
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) === 0 || name.charCodeAt(i) > 0xff) return false;
  return true;
}

/** The frame of a message; throws what `out.misused` makes. */
export function messageFrame(out: MemoryOut, m: Outgoing): Uint8Array {
  if (m.groups.length < 1 || m.groups.length > MAX_GROUPS)
    throw out.misused('groups', `${m.groups.length} destinations`);
  const illegal = m.groups.find((g) => !isDestination(g));
  if (illegal !== undefined) throw out.misused('illegal-group', illegal);
  const bytes = NAME_BYTES * m.groups.length + m.data.length;
  if (bytes > out.maxMessageBytes) throw out.misused('too-long', `${HEADER_BYTES + bytes} bytes`);
  const service = LEVELS[m.level ?? 'agreed'] | (m.selfDiscard === true ? Service.SELF_DISCARD : 0);
  return buildFrame({ service, sender: out.privateGroup, groups: m.groups, type: m.type ?? 0, body: m.data });
}

/** The frame of a join or leave; throws what `out.misused` makes. */
export function membershipFrame(out: MemoryOut, service: number, group: string): Uint8Array {
  if (!isGroupName(group)) throw out.misused('illegal-group', group);
  return buildFrame({ service, sender: out.privateGroup, groups: [group] });
}
