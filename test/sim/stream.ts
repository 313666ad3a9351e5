// The stream flavour of the virtual network, after the `tcp` medium (design: docs/design/architecture.md): every
// daemon dials every other and reads only what it dialled; a pair is up when both dials stand. Loss shows as delay
// or as a broken connection, never as a hole; a cut stalls silently; a dead process refuses at once.
import type { Bytes, Evidence, Plane } from '../../core/machine/types.js';
import type { MediumFacts } from '../../core/machine/ports.js';
import { Phase } from './clock.js';
import { Connection, type Lane } from './connection.js';
import { FULL_MS, join, type Network, type NetworkNode, type NetworkOptions } from './network.js';

const REDIAL_MS = 500;
const DIAL_LIMIT_MS = 500;
/** A sender whose bytes are not acknowledged for that long gives the connection up (between these two). */
const STALL_LOW_MS = 15_000;
const STALL_HIGH_MS = 40_000;
const RETRY_MS = 150;
/** How soon a reader looks again whether a plugged lane flows. */
const PLUGGED_MS = 20;

/** What one daemon knows of its pair with one peer. */
interface End {
  wanted: boolean;
  up: boolean;
  /** Number of the dial under way; 0: none. */
  dialling: number;
  /** What was last told by `down`: the same is not told twice. */
  told: Evidence['kind'] | undefined;
  reading: Connection | undefined;
  writing: Connection | undefined;
}

interface Host {
  node: NetworkNode | undefined;
  life: number;
  paused: boolean;
  /** What the kernel holds for a paused process. */
  deferred: (() => void)[];
  waitingForAll: boolean;
  readonly ends: End[];
}

const blank = (): End => ({
  wanted: false,
  up: false,
  dialling: 0,
  told: undefined,
  reading: undefined,
  writing: undefined,
});

export class StreamNetwork implements Network {
  readonly facts: MediumFacts;
  private readonly hosts: Host[];
  private dials = 0;

  constructor(private readonly o: NetworkOptions) {
    const n = o.faults.size;
    this.facts = { maxBytes: o.maxBytes, stream: true };
    this.hosts = Array.from({ length: n }, () => ({
      node: undefined,
      life: 0,
      paused: false,
      deferred: [],
      waitingForAll: false,
      ends: Array.from({ length: n }, blank),
    }));
  }

  boot(place: number, node: NetworkNode): void {
    const h = this.hosts[place]!;
    h.node = node;
    h.paused = false;
    h.deferred = [];
    h.waitingForAll = false;
  }

  kill(place: number): void {
    const h = this.hosts[place]!;
    h.node = undefined;
    h.life++;
    h.deferred = [];
    h.ends.forEach((end, peer) => {
      for (const c of [end.writing, end.reading]) {
        if (c === undefined) continue;
        c.close(place);
        const last = c.writer === place ? c.truncate(this.o.random, this.o.clock.now) : this.o.clock.now;
        this.notice(place, peer, c, last);
      }
      h.ends[peer] = blank();
    });
  }

  pause(place: number): void {
    this.hosts[place]!.paused = true;
  }

  resume(place: number): void {
    const h = this.hosts[place]!;
    h.paused = false;
    const all = h.deferred;
    h.deferred = [];
    const life = h.life;
    for (const run of all) if (h.life === life && h.node !== undefined) run();
  }

  reach(place: number, peers: readonly number[]): void {
    const h = this.hosts[place]!;
    h.ends.forEach((end, peer) => {
      if (peer === place) return;
      const wanted = peers.includes(peer);
      if (end.wanted && !wanted) this.drop(place, peer);
      end.wanted = wanted;
      if (wanted) this.dialAt(place, peer, 0);
    });
  }

  sever(place: number, peer: number): void {
    this.drop(place, peer);
    this.dialAt(place, peer, REDIAL_MS);
  }

  reset(a: number, b: number): void {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const end = this.hosts[x]!.ends[y]!;
      const c = end.reading ?? end.writing;
      if (c !== undefined) this.onHost(x, () => this.broken(x, y, c));
    }
  }

  send(place: number, to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    const h = this.hosts[place]!;
    const bytes = head.length + (body?.length ?? 0);
    if (bytes > this.o.maxBytes) throw new Error(`a send of more than ${this.o.maxBytes} bytes`);
    if (to !== 'all') {
      const lane = this.lane(place, to, plane);
      if (lane === undefined) return true;
      if (!this.room(place, to, lane, bytes)) return false;
      this.push(place, to, lane, head, body);
      return true;
    }
    for (let peer = 0; peer < h.ends.length; peer++) {
      const lane = this.lane(place, peer, plane);
      if (lane === undefined || this.room(place, peer, lane, bytes)) continue;
      h.waitingForAll = true;
      return false;
    }
    for (let peer = 0; peer < h.ends.length; peer++) {
      const lane = this.lane(place, peer, plane);
      if (lane !== undefined) this.push(place, peer, lane, head, body);
    }
    return true;
  }

  /** Where bytes for that peer go; undefined: not connected, they are dropped. */
  private lane(place: number, peer: number, plane: Plane): Lane | undefined {
    const end = this.hosts[place]!.ends[peer]!;
    return end.up ? end.writing?.lane(plane) : undefined;
  }

  private room(from: number, to: number, lane: Lane, bytes: number): boolean {
    if (lane.bytes > 0 && lane.bytes + bytes > this.o.bufferBytes) {
      lane.full = true;
      return false;
    }
    if (!this.o.random.chance(this.o.faults.path(from, to).full)) return true;
    lane.full = true;
    this.acknowledge(lane, FULL_MS);
    return false;
  }

  private push(from: number, to: number, lane: Lane, head: Bytes, body: Bytes | undefined): void {
    const { clock, faults } = this.o;
    lane.lastAt = Math.max(lane.lastAt, clock.now + faults.streamDelay(from, to));
    lane.queue.push({ at: lane.lastAt, head, body });
    lane.bytes += head.length + (body?.length ?? 0);
    if (!lane.scheduled) this.wake(lane, lane.lastAt);
  }

  private wake(lane: Lane, at: number): void {
    lane.scheduled = true;
    this.o.clock.schedule(at, Phase.read, lane.arrive);
  }

  /** Bytes reach the reader's sockets. */
  private arrive(lane: Lane): void {
    const { clock, faults, random } = this.o;
    const c = lane.connection;
    lane.scheduled = false;
    if (!c.readerOpen || lane.queue.length === 0) return;
    if (faults.isCut(c.writer, c.reader) || !c.established) {
      if (lane.stalledSince < 0) lane.stalledSince = clock.now;
      const limit = STALL_LOW_MS + random.below(STALL_HIGH_MS - STALL_LOW_MS);
      if (clock.now - lane.stalledSince > limit && c.writerOpen)
        this.onHost(c.writer, () => this.broken(c.writer, c.reader, c));
      else this.wake(lane, clock.now + RETRY_MS + random.below(RETRY_MS));
      return;
    }
    lane.stalledSince = -1;
    if (faults.isPlugged(lane.plane, c.writer, c.reader)) {
      this.wake(lane, clock.now + PLUGGED_MS);
      return;
    }
    lane.scheduled = true;
    this.onHost(c.reader, () => this.drain(lane));
  }

  /** The reader reads what is there: one tick. */
  private drain(lane: Lane): void {
    const { clock } = this.o;
    const c = lane.connection;
    const node = this.hosts[c.reader]!.node;
    lane.scheduled = false;
    if (node === undefined || !c.readerOpen) return;
    node.begin();
    let read = 0;
    for (const f of lane.queue) {
      if (f.at > clock.now || !c.isReadable()) break;
      if (!this.o.faults.passes(lane.plane, c.writer, c.reader)) break;
      read++;
      lane.bytes -= f.head.length + (f.body?.length ?? 0);
      node.received(c.writer, lane.plane, join(f.head, f.body));
    }
    lane.queue.splice(0, read);
    node.end();
    this.acknowledge(lane, this.o.faults.delay(c.reader, c.writer));
    const next = lane.queue[0];
    if (next !== undefined && c.isReadable())
      this.wake(lane, Math.max(next.at, clock.now + Number(next.at <= clock.now)));
  }

  /** Tells the writer in a while that there is room again, if it waits for it. */
  private acknowledge(lane: Lane, ms: number): void {
    if (!lane.full || lane.bytes > this.o.bufferBytes / 2) return;
    const c = lane.connection;
    this.o.clock.schedule(this.o.clock.now + ms, Phase.read, () => {
      if (!lane.full || !c.writerOpen) return;
      this.onHost(c.writer, () => {
        if (!lane.full || !c.writerOpen) return;
        lane.full = false;
        this.roomAgain(c.writer, c.reader);
      });
    });
  }

  private roomAgain(place: number, peer: number): void {
    const h = this.hosts[place]!;
    if (h.node === undefined) return;
    h.node.begin();
    h.node.writable(peer);
    if (h.waitingForAll && !h.ends.some((e) => e.writing?.full === true)) {
      h.waitingForAll = false;
      h.node.writable('all');
    }
    h.node.end();
  }

  /** Runs what a process does when an event reaches it: now, or when it goes on after a pause. */
  private onHost(place: number, run: () => void): void {
    const h = this.hosts[place]!;
    if (h.paused) h.deferred.push(run);
    else run();
  }

  private dialAt(place: number, peer: number, ms: number): void {
    const life = this.hosts[place]!.life;
    this.o.clock.schedule(this.o.clock.now + ms, Phase.read, () => {
      const h = this.hosts[place]!;
      if (h.life === life && h.node !== undefined) this.onHost(place, () => this.dial(place, peer));
    });
  }

  private dial(place: number, peer: number): void {
    const { clock, faults } = this.o;
    const end = this.hosts[place]!.ends[peer]!;
    if (end.reading !== undefined || end.dialling !== 0 || !(end.wanted || end.writing !== undefined)) return;
    const number = ++this.dials;
    const life = this.hosts[place]!.life;
    end.dialling = number;
    clock.schedule(clock.now + DIAL_LIMIT_MS, Phase.read, () => this.failed(place, peer, number, 'unanswered'));
    if (faults.isCut(place, peer)) return;
    clock.schedule(clock.now + faults.streamDelay(place, peer), Phase.read, () => {
      // Given up before it arrived: nobody says hello on it. (Else every dial given up would break a connection, and the
      // two dials that follow as well: more and more at one moment, without end.)
      if (faults.isCut(place, peer) || this.hosts[place]!.life !== life || end.dialling !== number) return;
      const there = this.hosts[peer]!;
      if (there.node !== undefined) this.onHost(peer, () => this.accept(peer, place, number, life));
      else if (!faults.isCut(peer, place))
        clock.schedule(clock.now + faults.delay(peer, place), Phase.read, () =>
          this.failed(place, peer, number, 'refused'),
        );
    });
  }

  private failed(place: number, peer: number, number: number, kind: 'refused' | 'unanswered'): void {
    const h = this.hosts[place]!;
    if (h.ends[peer]!.dialling !== number) return;
    this.onHost(place, () => {
      const end = h.ends[peer]!;
      if (end.dialling !== number) return;
      end.dialling = 0;
      this.tell(place, peer, { kind, detail: kind === 'refused' ? 'connection refused' : 'dial unanswered' });
      this.dialAt(place, peer, REDIAL_MS);
    });
  }

  /** `peer` has dialled `place`, which writes to it from now on and dials back. */
  private accept(place: number, peer: number, number: number, life: number): void {
    const { clock, faults } = this.o;
    const end = this.hosts[place]!.ends[peer]!;
    if (end.writing !== undefined) this.broken(place, peer, end.writing);
    const c = new Connection(place, peer, life, (lane) => this.arrive(lane));
    end.writing = c;
    const at = clock.now + faults.streamDelay(place, peer);
    c.control.lastAt = at;
    c.data.lastAt = at;
    clock.schedule(at, Phase.read, () => this.hello(c, number));
    if (end.reading === undefined) this.dialAt(place, peer, 0);
    this.checkUp(place, peer);
  }

  /** The answer to the dial reaches the reader. */
  private hello(c: Connection, number: number): void {
    const { clock, faults } = this.o;
    if (!c.writerOpen) return;
    if (faults.isCut(c.writer, c.reader)) {
      clock.schedule(clock.now + RETRY_MS, Phase.read, () => this.hello(c, number));
      return;
    }
    this.onHost(c.reader, () => {
      const end = this.hosts[c.reader]!.ends[c.writer]!;
      if (this.hosts[c.reader]!.life !== c.readerLife || end.dialling !== number) {
        c.readerOpen = false;
        this.notice(c.reader, c.writer, c, clock.now);
        return;
      }
      end.dialling = 0;
      end.reading = c;
      c.established = true;
      this.checkUp(c.reader, c.writer);
    });
  }

  private checkUp(place: number, peer: number): void {
    const h = this.hosts[place]!;
    const end = h.ends[peer]!;
    if (end.up || end.reading === undefined || end.writing === undefined || h.node === undefined) return;
    end.up = true;
    end.told = undefined;
    h.node.begin();
    h.node.up(peer);
    h.node.end();
  }

  /** A connection of that pair is found broken at `place`: the pair starts afresh. */
  private broken(place: number, peer: number, c: Connection): void {
    const end = this.hosts[place]!.ends[peer]!;
    if (end.reading !== c && end.writing !== c) return;
    const wasUp = end.up;
    this.drop(place, peer);
    if (wasUp) this.tell(place, peer, { kind: 'lost', detail: 'connection broke' });
    this.dialAt(place, peer, 0);
  }

  private tell(place: number, peer: number, why: Evidence): void {
    const h = this.hosts[place]!;
    const end = h.ends[peer]!;
    if (end.told === why.kind || h.node === undefined || !end.wanted) return;
    end.told = why.kind;
    h.node.begin();
    h.node.down(peer, why);
    h.node.end();
  }

  /** Closes both connections of the pair at this end; the other end hears of it when the network lets it. */
  private drop(place: number, peer: number): void {
    const h = this.hosts[place]!;
    const end = h.ends[peer]!;
    const open = [end.reading, end.writing];
    end.reading = undefined;
    end.writing = undefined;
    end.up = false;
    end.dialling = 0;
    for (const c of open) {
      if (c === undefined) continue;
      c.close(place);
      this.notice(place, peer, c, this.o.clock.now);
    }
    if (!h.waitingForAll) return;
    this.o.clock.schedule(this.o.clock.now, Phase.read, () => {
      if (h.waitingForAll) this.onHost(place, () => this.roomAgain(place, peer));
    });
  }

  /** The end of a connection travels to the other side, behind what was sent on it before `from`. */
  private notice(place: number, peer: number, c: Connection, from: number): void {
    const { clock, faults } = this.o;
    clock.schedule(Math.max(from, clock.now) + faults.delay(place, peer), Phase.read, () => {
      if (faults.isCut(place, peer)) {
        this.notice(place, peer, c, clock.now + RETRY_MS);
        return;
      }
      if (this.hosts[peer]!.node !== undefined) this.onHost(peer, () => this.broken(peer, place, c));
    });
  }
}
