// The udp medium: one datagram per send, to one peer by a socket connected to it, to all by a copy for each or by one
// multicast datagram. Rules: README.md; what it promises: core/plugin/medium.ts.
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Address, Bytes, Evidence, HostPort, Identity, Medium, MediumUp, Plane, Timers } from 'peal/plugin';
import { PealError, reasonOf } from 'peal/plugin';
import { Arrivals } from './arrivals.js';
import { UDP_ERRORS } from './errors.js';
import { Group, groupAddress } from './group.js';
import { Joiner, JOINED_BYTES } from './joiner.js';
import { Line } from './line.js';
import { Paths, type PathTimer } from './machine.js';
import { claim, closed, connected, listen, spelled } from './socket.js';
import {
  type Carries,
  MAX_DATAGRAM_BYTES,
  MIN_DATAGRAM_BYTES,
  type Note,
  readListHash,
  readNote,
  readTrailer,
  SMALL_BYTES,
  TRAILER_BYTES,
  writeNote,
  writeTrailer,
} from './wire.js';

/** A peer that could not be connected to, for want of a route, is tried again this often, in ms. */
const ROUTE_PERIOD_MS = 500;
/** What was sent before `close` may take this long to leave, in ms. */
const CLOSE_LIMIT_MS = 200;
/** Between two looks whether it has left, in ms. */
const CLOSE_LOOK_MS = 5;
/** Long enough for one turn of reading, in ms. */
const AFTER_READING_MS = 1;
/** Codes of the system that say: nobody is there. */
const REFUSALS: Readonly<Record<string, 'refused' | 'unanswered'>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unanswered',
  ENETUNREACH: 'unanswered',
};

export interface UdpOptions {
  readonly datagramBytes: number;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly sendQueueBytes: number;
  readonly multicast: HostPort | undefined;
  readonly multicastInterface: string;
  readonly multicastTtl: number;
  readonly multicastLoopback: boolean;
  readonly checkSource: boolean;
}

interface Peer {
  readonly address: Address;
  /** As the system spells it. */
  readonly host: string;
  readonly line: Line;
  wanted: boolean;
}

const NO_TRAILERS = { note: new Uint8Array(0), control: new Uint8Array(0), data: new Uint8Array(0) };

export class UdpMedium implements Medium {
  readonly maxBytes: number;
  readonly stream = false;
  readonly #options: UdpOptions;
  readonly #list: readonly Address[];
  readonly #timers: Timers;
  readonly #paths: Paths;
  readonly #group: Group | undefined;
  readonly #peers = new Map<number, Peer>();
  /** By the system's spelling of the address, then by port. */
  readonly #places = new Map<string, Map<number, number>>();
  #trailers: Readonly<Record<Carries, Bytes>> = NO_TRAILERS;
  readonly #joiner = new Joiner();
  readonly #arrivals = new Arrivals();
  #main: Socket | undefined;
  #self: Identity | undefined;
  #up: MediumUp | undefined;
  #closing: Promise<void> | undefined;
  /** Whom the next 'all' begins with. */
  #turn = 0;
  #wanted: readonly Peer[] = [];
  /** Something was read in this turn of the event loop; more of it waits for its end. */
  #reading = false;
  /** Counts the turns in which more than notes and strays was read. */
  #readings = 0;
  #unflushed = false;
  /** Somebody was told that nothing is taken. */
  #refusedAll = false;
  #received = 0;
  #strays = 0;
  #failures = 0;
  #grantedReceive = 0;
  #grantedSend = 0;

  /** `list` is the canonical daemon list: who may send to us. Throws a coded error for a group that is none. */
  constructor(options: UdpOptions, list: readonly Address[], timers: Timers) {
    const { datagramBytes } = options;
    if (datagramBytes !== 0 && datagramBytes < MIN_DATAGRAM_BYTES)
      throw PealError.of(UDP_ERRORS.DATAGRAM, { bytes: datagramBytes, least: MIN_DATAGRAM_BYTES });
    this.maxBytes = (datagramBytes || MAX_DATAGRAM_BYTES) - TRAILER_BYTES;
    this.#options = options;
    this.#list = list;
    this.#timers = timers;
    const group = groupAddress(options.multicast, list[0]?.port ?? 0);
    this.#paths = new Paths(
      { datagramBytes, multicast: group !== undefined },
      {
        ask: (to, number, bytes) => this.#ask(to, number, bytes),
        setTimer: (key, ms) => this.#setTimer(key, ms),
        down: (place, why) => this.#down(place, why),
      },
    );
    if (group === undefined) return;
    this.#group = new Group(group, options, this.#line(-1));
  }

  /** What a send may have so that it gets through to everybody who is heard; rises and falls. */
  get fitBytes(): number {
    return this.#paths.fitBytes - TRAILER_BYTES;
  }

  async open(self: Identity, up: MediumUp): Promise<void> {
    this.#self = self;
    this.#up = up;
    const { host, port } = self.address;
    const trailer = (carries: Carries): Bytes => writeTrailer(carries, self.listHash);
    this.#trailers = { note: trailer('note'), control: trailer('control'), data: trailer('data') };
    for (const { host: h, port: p, place } of this.#list) {
      const ports = this.#places.get(spelled(h)) ?? new Map<number, number>();
      this.#places.set(spelled(h), ports.set(p, place));
    }
    try {
      await claim(host, port);
      this.#main = await listen(host, port, this.#options, (bytes, from) => this.#take(this.#placeOf(-1, from), bytes));
    } catch (cause) {
      const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      throw PealError.of(UDP_ERRORS.LISTEN, { address, detail: reasonOf(cause) }, { cause });
    }
    this.#main.on('error', (e: NodeJS.ErrnoException) => this.#failed(-1, e.code ?? e.message));
    this.#grantedReceive = this.#main.getRecvBufferSize();
    this.#grantedSend = this.#main.getSendBufferSize();
    await this.#group?.join(self.address, this.#options, (bytes, from) => this.#take(this.#placeOf(-1, from), bytes));
    await Promise.all(this.#list.map((address) => this.#connect(address)));
    this.#tellBuffers();
  }

  peers(all: readonly Address[]): void {
    const wanted = new Set(all.map((a) => a.place));
    for (const [place, peer] of this.#peers) peer.wanted = wanted.has(place);
    this.#wanted = [...this.#peers.values()].filter((p) => p.wanted);
  }

  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    const bytes = head.length + (body?.length ?? 0);
    if (bytes > this.maxBytes || bytes === 0)
      throw new Error(`udp: a message of ${bytes} bytes, limit ${this.maxBytes}`);
    if (this.#closing !== undefined) return true;
    const trailer = this.#trailers[plane];
    const parts =
      bytes <= JOINED_BYTES
        ? this.#joiner.join(head, body, trailer)
        : body === undefined
          ? [head, trailer]
          : [head, body, trailer];
    if (plane === 'data') this.#paths.flows();
    if (to === 'all') return this.#sendAll(plane, parts);
    const peer = this.#peers.get(to);
    // Data for somebody not heard is for somebody not connected.
    if (peer === undefined || (plane === 'data' && !this.#paths.isHeard(to))) return true;
    if (peer.line.full) return false;
    peer.line.send(parts, plane === 'data');
    return true;
  }

  sever(peer: number): void {
    this.#paths.forget(peer);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  describe(): Record<string, string | number | boolean> {
    const peers = [...this.#peers.values()];
    const status: Record<string, string | number | boolean> = {
      heard: peers.filter((p) => this.#paths.isHeard(p.address.place)).length,
      datagram_bytes: this.#paths.fitBytes,
      sent: peers.reduce((n, p) => n + p.line.sent, 0),
      sent_multicast: this.#group?.line.sent ?? 0,
      received: this.#received,
      strays: this.#strays,
      failed_sends: this.#failures,
      queued_bytes: peers.reduce((n, p) => n + p.line.queued, 0),
      receive_buffer_bytes: this.#grantedReceive,
      send_buffer_bytes: this.#grantedSend,
      multicast: this.#group?.text ?? 'off',
    };
    for (const { address } of peers) status[`peer.${address.name}`] = this.#paths.describe(address.place);
    return status;
  }

  // Sending ---------------------------------------------------------------------------------------------------------

  #sendAll(plane: Plane, parts: Bytes | readonly Bytes[]): boolean {
    const data = plane === 'data';
    const group = data && this.#group?.open === true ? this.#group.line : undefined;
    // To the group only if it reaches somebody: else it would be a copy more, not less.
    const grouped = group !== undefined && this.#wanted.some((p) => this.#paths.inGroup(p.address.place));
    const copies = this.#wanted.filter(({ address: { place } }) => {
      if (grouped && this.#paths.inGroup(place)) return false;
      return !data || this.#paths.isHeard(place);
    });
    // All or nobody: who asks again would send to those twice who got it.
    if ((grouped && group.full) || copies.some((p) => p.line.full)) {
      this.#refusedAll = true;
      return false;
    }
    if (grouped) group.send(parts, true);
    for (let i = 0; i < copies.length; i++) copies[(this.#turn + i) % copies.length]!.line.send(parts, data);
    this.#turn = copies.length === 0 ? 0 : (this.#turn + 1) % copies.length;
    return true;
  }

  #ask(to: number | 'group', number: number, bytes: number): void {
    const line = to === 'group' ? this.#group?.line : this.#peers.get(to)?.line;
    if (line !== undefined) this.#say(line, { kind: 'ask', group: to === 'group', number, bytes });
  }

  #say(line: Line, note: Note): void {
    line.send([writeNote(note), this.#trailers.note]);
  }

  #line(place: number): Line {
    return new Line(this.#options.sendQueueBytes, this.#arrivals, {
      failed: (code) => this.#failed(place, code),
      drained: () => {
        this.#up?.writable(place < 0 ? 'all' : place);
        if (!this.#refusedAll || place < 0) return;
        this.#refusedAll = false;
        this.#up?.writable('all');
      },
    });
  }

  #failed(place: number, code: string): void {
    const kind = REFUSALS[code];
    if (kind !== undefined && place >= 0) {
      this.#paths.refused(place, kind, code);
      return;
    }
    this.#failures++;
    this.#up?.noise(place, `udp: ${code}`);
  }

  // Receiving -------------------------------------------------------------------------------------------------------

  /** `place`: whose datagram it is, -1: nobody's that is listed. */
  #take(place: number, bytes: Bytes): void {
    const up = this.#up;
    if (up === undefined || this.#closing !== undefined) return;
    if (place === this.#self!.address.place) return;
    const carries = readTrailer(bytes);
    if (carries === undefined) {
      this.#stray(place, 'a datagram that is none of ours');
      return;
    }
    if (place < 0 && (this.#options.checkSource || carries === 'note')) {
      this.#stray(place, 'a datagram from an address that is not in the daemon list');
      return;
    }
    if (readListHash(bytes) !== this.#self!.listHash) {
      this.#stray(place, 'it has another daemon list');
      // So that its operator hears of it too. Notes are not answered: two lists would never be done with each other.
      if (carries === 'control') this.#ask(place, 0, SMALL_BYTES);
      return;
    }
    const content = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length - TRAILER_BYTES);
    if (carries === 'note') {
      this.#note(place, content);
      return;
    }
    this.#received++;
    this.#heard(place);
    up.received(place, carries, content);
    this.#arrived();
  }

  /** `expected` is whom the socket is connected to, -1: nobody. Before it was connected it heard anybody. */
  #placeOf(expected: number, from: RemoteInfo): number {
    const peer = this.#peers.get(expected);
    if (peer !== undefined && from.port === peer.address.port && from.address === peer.host) return expected;
    return this.#places.get(from.address)?.get(from.port) ?? -1;
  }

  #note(place: number, content: Bytes): void {
    const note = readNote(content);
    if (note === undefined) {
      this.#stray(place, 'a malformed note');
      return;
    }
    this.#heard(place);
    if (note.kind === 'answer') this.#paths.answered(place, note.number, note.group);
    else this.#say(this.#peers.get(place)!.line, { ...note, kind: 'answer' });
  }

  #heard(place: number): void {
    if (place >= 0 && this.#paths.heard(place)) this.#up!.up(place);
  }

  #stray(place: number, what: string): void {
    this.#strays++;
    this.#up!.noise(place, what);
  }

  /**
   * The first datagram of a turn of the event loop is a tick of its own, so that a question is answered at once; what
   * else was ready to be read in that turn is one more.
   */
  #arrived(): void {
    if (this.#reading) {
      this.#unflushed = true;
      return;
    }
    this.#reading = true;
    this.#readings++;
    setImmediate(() => {
      this.#reading = false;
      if (this.#unflushed) this.#up?.flush();
      this.#unflushed = false;
    });
    this.#up!.flush();
  }

  // Paths and sockets -------------------------------------------------------------------------------------------------

  #setTimer(key: PathTimer, ms: number): void {
    this.#timers.set(ms, () => {
      // Our own process may have stood still: what has arrived is read first.
      if (this.#closing === undefined) this.#timers.set(AFTER_READING_MS, () => this.#onTimer(key));
    });
  }

  #onTimer(key: PathTimer): void {
    if (this.#closing === undefined) this.#paths.timer(key);
  }

  #down(place: number, why: Evidence): void {
    this.#up?.down(place, why);
    this.#up?.flush();
  }

  /** Makes the socket of that peer, or tries again later. */
  async #connect(address: Address): Promise<void> {
    const self = this.#self!.address;
    const { place } = address;
    if (place === self.place) return;
    let peer = this.#peers.get(place);
    if (peer === undefined) {
      peer = { address, host: spelled(address.host), line: this.#line(place), wanted: false };
      this.#peers.set(place, peer);
    }
    let socket: Socket | undefined;
    try {
      const { line } = peer;
      const take = (bytes: Bytes): void => this.#take(place, bytes);
      socket = await listen(self.host, self.port, this.#options, (bytes, from) => {
        this.#take(this.#placeOf(place, from), bytes);
        line.readOn(this.#readings, bytes.length, take);
      });
      await connected(socket, address.host, address.port);
      await line.use(socket);
    } catch (error) {
      if (socket !== undefined) await closed(socket);
      this.#up?.noise(place, `udp: no way to it, ${(error as NodeJS.ErrnoException).code ?? 'for no known reason'}`);
      this.#timers.set(ROUTE_PERIOD_MS, () => {
        if (this.#closing === undefined) void this.#connect(address);
      });
    }
  }

  #tellBuffers(): void {
    const wanted = this.#options.receiveBufferBytes;
    // Linux answers with twice what it was asked for, since it counts its own overhead.
    if (this.#grantedReceive < wanted)
      this.#up!.noise(-1, 'udp: the system gives smaller receive buffers than asked for (Linux: net.core.rmem_max)');
  }

  async #close(): Promise<void> {
    const lines = [...this.#peers.values()].map((p) => p.line);
    if (this.#group !== undefined) lines.push(this.#group.line);
    for (const line of lines) line.finish();
    for (let ms = 0; ms < CLOSE_LIMIT_MS && lines.some((l) => l.queued > 0); ms += CLOSE_LOOK_MS)
      await new Promise<void>((resolve) => void this.#timers.set(CLOSE_LOOK_MS, resolve));
    await Promise.all([...lines.map((l) => l.close()), this.#group?.close(), this.#main && closed(this.#main)]);
    this.#up = undefined;
  }
}
