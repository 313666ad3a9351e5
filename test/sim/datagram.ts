// The datagram flavour of the virtual network: loss, duplication, reordering and delay for each send on its own, no
// connections. `up` comes at the first bytes heard; a dead process is silent; a paused one loses what its receive
// buffer does not hold.
import type { Bytes, Plane } from '../../core/machine/types.js';
import type { MediumFacts } from '../../core/machine/ports.js';
import { Phase } from './clock.js';
import { FULL_MS, join, type Network, type NetworkNode, type NetworkOptions } from './network.js';

const REORDER_MS = 20;
/** How long paths carry the same size. */
export const FIT_MS = 3000;
/** Of 1000 sends that do not fit. */
const UNFIT_LOSS = 500;

interface Waiting {
  readonly from: number;
  readonly plane: Plane;
  readonly bytes: Bytes;
}

interface Host {
  node: NetworkNode | undefined;
  paused: boolean;
  reach: readonly number[];
  readonly heard: Set<number>;
  inbox: Waiting[];
  inboxBytes: number;
}

export class DatagramNetwork implements Network {
  readonly facts: MediumFacts;
  private readonly hosts: Host[];

  constructor(private readonly o: NetworkOptions) {
    const fitBytes = (): number => this.fitBytes;
    this.facts = {
      maxBytes: o.maxBytes,
      stream: false,
      get fitBytes() {
        return fitBytes();
      },
    };
    this.hosts = Array.from({ length: o.faults.size }, () => ({
      node: undefined,
      paused: false,
      reach: [],
      heard: new Set<number>(),
      inbox: [],
      inboxBytes: 0,
    }));
  }

  private get fitBytes(): number {
    const { fits = [], clock, faults, maxBytes } = this.o;
    if (fits.length === 0) return maxBytes;
    return fits[Math.floor((faults.steadySince ?? clock.now) / FIT_MS) % fits.length]!;
  }

  boot(place: number, node: NetworkNode): void {
    const h = this.hosts[place]!;
    h.node = node;
    h.paused = false;
    h.reach = [];
    h.heard.clear();
    h.inbox = [];
    h.inboxBytes = 0;
  }

  kill(place: number): void {
    const h = this.hosts[place]!;
    h.node = undefined;
    h.inbox = [];
  }

  pause(place: number): void {
    this.hosts[place]!.paused = true;
  }

  resume(place: number): void {
    const h = this.hosts[place]!;
    h.paused = false;
    const all = h.inbox;
    h.inbox = [];
    h.inboxBytes = 0;
    const node = h.node;
    if (node === undefined) return;
    for (const w of all) this.hand(h, node, w.from, w.plane, w.bytes);
  }

  reach(place: number, peers: readonly number[]): void {
    const h = this.hosts[place]!;
    h.reach = [...peers];
    for (const p of [...h.heard]) if (!peers.includes(p)) h.heard.delete(p);
  }

  sever(place: number, peer: number): void {
    this.hosts[place]!.heard.delete(peer);
  }

  /** Datagrams have no connections. */
  reset(): void {
    return;
  }

  send(place: number, to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    const { faults, random, clock, maxBytes } = this.o;
    if (head.length + (body?.length ?? 0) > maxBytes) throw new Error(`a send of more than ${maxBytes} bytes`);
    const targets = to === 'all' ? this.hosts[place]!.reach : [to];
    const first = targets[0];
    if (first !== undefined && random.chance(faults.path(place, first).full)) {
      const node = this.hosts[place]!.node;
      clock.schedule(clock.now + 1 + random.below(FULL_MS), Phase.read, () => this.again(place, node, to));
      return false;
    }
    for (const t of targets) this.fly(place, t, plane, head, body);
    return true;
  }

  private again(place: number, node: NetworkNode | undefined, to: number | 'all'): void {
    const h = this.hosts[place]!;
    if (node === undefined || h.node !== node) return;
    if (h.paused) {
      this.o.clock.schedule(this.o.clock.now + FULL_MS, Phase.read, () => this.again(place, node, to));
      return;
    }
    node.begin();
    node.writable(to);
    node.end();
  }

  private fly(from: number, to: number, plane: Plane, head: Bytes, body: Bytes | undefined): void {
    const { faults, random, clock } = this.o;
    const path = faults.path(from, to);
    if (!faults.passes(plane, from, to)) return;
    const copies = random.chance(path.duplicate) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (faults.isCut(from, to) || faults.lost(from, to)) continue;
      if (head.length + (body?.length ?? 0) > this.fitBytes && random.chance(UNFIT_LOSS)) continue;
      let ms = faults.delay(from, to);
      if (random.chance(path.reorder)) ms += random.below(REORDER_MS);
      clock.schedule(clock.now + ms, Phase.read, () => this.arrive(from, to, plane, head, body));
    }
  }

  private arrive(from: number, to: number, plane: Plane, head: Bytes, body: Bytes | undefined): void {
    const h = this.hosts[to]!;
    const node = h.node;
    if (node === undefined || this.o.faults.isCut(from, to)) return;
    const bytes = join(head, body);
    if (!h.paused) {
      this.hand(h, node, from, plane, bytes);
      return;
    }
    if (h.inboxBytes + bytes.length > this.o.bufferBytes) return;
    h.inboxBytes += bytes.length;
    h.inbox.push({ from, plane, bytes });
  }

  private hand(h: Host, node: NetworkNode, from: number, plane: Plane, bytes: Bytes): void {
    if (h.node !== node) return;
    node.begin();
    if (!h.heard.has(from)) {
      h.heard.add(from);
      node.up(from);
    }
    node.received(from, plane, bytes);
    node.end();
  }
}
