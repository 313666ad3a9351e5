// The way of a medium's events into the loop: what one chunk brought is one tick, so that one flush carries all it
// caused. Inside a tick the control plane goes first, but never past a connection that came or went, since what lies
// on either side of it belongs to different lives of the stream.
import type { MediumUp } from '../plugin/medium.js';
import type { EventLoop, Source } from '../plugin/loop.js';
import type { Bytes, Evidence, Plane } from '../machine/types.js';

/** What the driver takes from a medium, in the order of handling. */
export interface MediumEvents {
  received(from: number, plane: Plane, bytes: Bytes): void;
  writable(to: number | 'all'): void;
  up(peer: number): void;
  down(peer: number, why: Evidence): void;
  noise(peer: number, what: string): void;
}

type Happening =
  | { readonly kind: 'received'; readonly from: number; readonly plane: Plane; readonly bytes: Bytes }
  | { readonly kind: 'writable'; readonly to: number | 'all' }
  | { readonly kind: 'up'; readonly peer: number }
  | { readonly kind: 'down'; readonly peer: number; readonly why: Evidence };

/** A medium cannot be paused; the whole queue is served at the end of every turn, so it holds what one turn brings. */
const NEVER_PAUSED = Number.MAX_SAFE_INTEGER;

export class MediumFeed implements MediumUp {
  private readonly source: Source<Happening[]>;
  private batch: Happening[] = [];
  private hasControl = false;
  private hasData = false;

  constructor(
    loop: EventLoop,
    private readonly events: MediumEvents,
  ) {
    this.source = loop.attach<Happening[]>('high', {
      name: 'medium',
      limit: NEVER_PAUSED,
      handle: (batch) => this.handle(batch),
      pause: () => undefined,
      resume: () => undefined,
    });
  }

  received(from: number, plane: Plane, bytes: Bytes): void {
    if (plane === 'control') this.hasControl = true;
    else this.hasData = true;
    this.batch.push({ kind: 'received', from, plane, bytes });
  }

  writable(to: number | 'all'): void {
    this.batch.push({ kind: 'writable', to });
    this.flush();
  }

  up(peer: number): void {
    this.batch.push({ kind: 'up', peer });
    this.flush();
  }

  down(peer: number, why: Evidence): void {
    this.batch.push({ kind: 'down', peer, why });
    this.flush();
  }

  noise(peer: number, what: string): void {
    this.events.noise(peer, what);
  }

  flush(): void {
    if (this.batch.length === 0) return;
    const batch = this.hasControl && this.hasData ? controlFirst(this.batch) : this.batch;
    this.batch = [];
    this.hasControl = this.hasData = false;
    this.source.push(batch);
  }

  /** Nothing of the medium is handled any more. Idempotent. */
  close(): void {
    this.source.close();
  }

  private handle(batch: readonly Happening[]): void {
    for (const h of batch) {
      switch (h.kind) {
        case 'received':
          this.events.received(h.from, h.plane, h.bytes);
          break;
        case 'writable':
          this.events.writable(h.to);
          break;
        case 'up':
          this.events.up(h.peer);
          break;
        case 'down':
          this.events.down(h.peer, h.why);
          break;
      }
    }
  }
}

function isControl(h: Happening): boolean {
  return h.kind === 'received' && h.plane === 'control';
}

/** Other kinds than `received` end a batch (they are flushed at once), so the sort never crosses one. */
function controlFirst(batch: readonly Happening[]): Happening[] {
  const last = batch.at(-1)!;
  const received = last.kind === 'received' ? batch : batch.slice(0, -1);
  const sorted = [...received.filter(isControl), ...received.filter((h) => !isControl(h))];
  return received === batch ? sorted : [...sorted, last];
}
