// Opens, greets, reads and closes the connections of the data port (docs/design/flood.md, section 4). Both ends send HELLO
// first, the one who was dialled after he has read the other's and with the same purpose. What a peer does wrong ends its
// own connection and nothing else.
import {
  type ControlFrame,
  ErrorCode,
  type Estimates,
  type Frame,
  type Hello,
  type Join,
  type Leave,
  type Members,
  type Purpose,
  type Topology,
} from '../wire/frames.js';
import { PROTOCOL_VERSION } from '../wire/limits.js';
import { FrameStream } from '../wire/reader.js';
import { writeFrame } from '../wire/write.js';
import { type Connection, newFlow } from './connection.js';
import type { Context } from './context.js';
import { judgeIdentity, type Refusal, sharedGroups } from './greeting.js';
import { CONNECTIONS_MAX, HELLO_LIMIT_MS, IDLE_LIMIT_MS } from './limits.js';
import type { SiteDefinition } from './settings.js';
import type { Sites } from './sites.js';
import type { Bytes } from 'peal/plugin';
import type { ConnectionId } from './types.js';

/** Why a connection ended: by ourselves in good order, or not. */
export type End = 'ours' | 'refused' | 'broken';

export interface ConnectionsUp {
  /** Greeted on both sides. */
  opened(c: Connection, hello: Hello): void;
  /** Never HELLO. */
  frame(c: Connection, f: Frame): void;
  /** `wasOpen`: it had been greeted. */
  ended(c: Connection, end: End, wasOpen: boolean): void;
  /** It has room again. */
  writable(c: Connection): void;
  /** A peer knows a later run of ours. */
  outrun(incarnation: number): void;
  /** SYNC was agreed on: what came behind it. */
  raw(c: Connection, first: Bytes): void;
}

export class Connections {
  private readonly byId = new Map<ConnectionId, Connection>();

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly up: ConnectionsUp,
  ) {}

  all(): Iterable<Connection> {
    return this.byId.values();
  }

  get size(): number {
    return this.byId.size;
  }

  /** Open ones with that site. */
  openTo(site: string): Connection[] {
    return [...this.byId.values()].filter((c) => c.state === 'open' && c.site === site);
  }

  /** One under way to that site for that purpose, whoever began it. */
  dialling(site: string, purpose: Purpose): boolean {
    for (const c of this.byId.values())
      if (c.dialled && c.site === site && c.purpose === purpose && (c.state === 'dialling' || c.state === 'greeting'))
        return true;
    return false;
  }

  dial(to: SiteDefinition, purpose: Purpose): Connection {
    const id = this.ctx.ports.dial(to);
    const c = this.fresh(id, true, purpose, 'dialling');
    c.site = to.name;
    return c;
  }

  accepted(id: ConnectionId, address: string): void {
    if (this.byId.size >= CONNECTIONS_MAX || this.ctx.leaving) {
      this.ctx.ports.close(id);
      return;
    }
    this.fresh(id, false, 'probe', 'greeting').address = address;
  }

  dialled(id: ConnectionId, address: string): void {
    const c = this.byId.get(id);
    if (c?.state !== 'dialling') return;
    c.state = 'greeting';
    c.address = address;
    this.send(c, this.hello(c.purpose));
  }

  received(id: ConnectionId, bytes: Bytes): void {
    const c = this.byId.get(id);
    if (c === undefined || c.state === 'closed') return;
    const stop = c.stream.push(bytes, this.ctx.nowMs);
    if (typeof stop === 'string') this.broken(c, `malformed ${stop}`);
    else if (stop !== undefined && this.isRaw(c)) {
      this.byId.delete(c.id);
      this.up.raw(c, stop);
    }
  }

  writable(id: ConnectionId): void {
    const c = this.byId.get(id);
    if (c === undefined) return;
    c.full = false;
    this.up.writable(c);
  }

  lost(id: ConnectionId, why: 'refused' | 'unreachable' | 'ended' | 'reset'): void {
    const c = this.byId.get(id);
    if (c === undefined) return;
    if (why === 'refused' && c.state === 'dialling') this.sites.refusedDial(c.site);
    this.end(c, why === 'refused' ? 'refused' : 'broken');
  }

  /** A whole control frame. */
  send(c: Connection, f: ControlFrame): void {
    this.write(c, writeFrame(f));
  }

  /** To all that share the group and carry such frames; those that are full are told when they have room. */
  spread(group: string, f: Members | Topology | Leave, except?: Connection): void {
    const bytes = writeFrame(f);
    for (const c of this.byId.values())
      if (c !== except && c.state === 'open' && c.groups.has(group) && c.purpose !== 'sync') {
        if (c.full) c.stale = true;
        else this.write(c, bytes);
      }
  }

  /** To all links of the group that have room: what is lost comes again in the next period. */
  spreadOverLinks(group: string, f: Estimates | Join, except?: Connection): void {
    const bytes = writeFrame(f);
    for (const c of this.byId.values())
      if (c !== except && c.state === 'open' && c.purpose === 'link' && c.groups.has(group) && !c.full)
        this.write(c, bytes);
  }

  write(c: Connection, head: Bytes, body?: Bytes): void {
    if (c.state === 'closed') return;
    if (!this.ctx.ports.send(c.id, head, body)) c.full = true;
  }

  /** We end it, with a word of why. */
  close(c: Connection, reason: string): void {
    if (c.state === 'open') this.send(c, { kind: 'goodbye', reason });
    this.finish(c, 'ours');
  }

  /** The peer has said goodbye. */
  finished(c: Connection): void {
    this.finish(c, 'ours');
  }

  /** It is silent for too long: no word reaches it. */
  giveUp(c: Connection): void {
    this.finish(c, 'broken');
  }

  /** Refuses or ends it with an ERROR. */
  refuse(c: Connection, r: Refusal): void {
    const peer = c.site === '' ? c.address : c.site;
    this.ctx.ports.event({ kind: 'refused', peer, code: r.code, detail: r.text, byUs: true });
    this.send(c, { kind: 'error', code: r.code, text: r.text, incarnation: r.incarnation });
    this.finish(c, 'broken');
  }

  /** Bytes that are no protocol. */
  broken(c: Connection, detail: string): void {
    this.ctx.counters.protocolErrors++;
    const peer = c.site === '' ? c.address : c.site;
    this.ctx.ports.event({ kind: 'protocol-error', peer, detail });
    this.send(c, { kind: 'error', code: ErrorCode.protocol, text: detail, incarnation: 0 });
    this.finish(c, 'broken');
  }

  /** What follows is not ours to read. */
  toRaw(c: Connection): void {
    c.state = 'raw';
    c.stream.stop();
  }

  /** Ends what was not greeted in time, and what lies idle. */
  sweep(): void {
    for (const c of [...this.byId.values()]) {
      const { nowMs } = this.ctx;
      if (c.state === 'dialling' || c.state === 'greeting') {
        if (nowMs - c.sinceMs >= HELLO_LIMIT_MS) this.giveUp(c);
      } else if (c.state === 'open' && c.purpose !== 'link' && c.purpose !== 'drain') {
        if (nowMs - c.heardMs >= IDLE_LIMIT_MS) this.close(c, 'idle');
      }
    }
  }

  private isRaw(c: Connection): boolean {
    return c.state === 'raw';
  }

  private fresh(id: ConnectionId, dialled: boolean, purpose: Purpose, state: Connection['state']): Connection {
    const { nowMs, settings } = this.ctx;
    const c: Connection = {
      id,
      dialled,
      purpose,
      state,
      site: '',
      incarnation: 0,
      address: '',
      stream: new FrameStream(settings.local.updateMaxBytes, (f) => this.take(c, f)),
      groups: new Set(),
      sinceMs: nowMs,
      heardMs: nowMs,
      askedMs: nowMs,
      full: false,
      stale: false,
      unwantedMs: undefined,
      flow: newFlow(nowMs),
    };
    this.byId.set(id, c);
    return c;
  }

  private take(c: Connection, f: Frame): void {
    if (c.state === 'closed') return;
    c.heardMs = this.ctx.nowMs;
    if (f.kind === 'error') this.refused(c, f.code, f.text, f.incarnation);
    else if (c.state === 'greeting') {
      if (f.kind === 'hello') this.greeted(c, f);
      else if (f.kind !== 'goodbye') this.broken(c, `${f.kind} before hello`);
    } else if (f.kind === 'hello') this.broken(c, 'a second hello');
    else {
      this.sites.heard(c.site, c.incarnation);
      this.up.frame(c, f);
    }
  }

  /** An ERROR of the peer; it closes after all but 450. */
  private refused(c: Connection, code: number, text: string, incarnation: number): void {
    const peer = c.site === '' ? c.address : c.site;
    if (code === ErrorCode.busy || (code === ErrorCode.notServed && c.state === 'open')) {
      this.up.frame(c, { kind: 'error', code, text, incarnation });
      return;
    }
    this.ctx.ports.event({ kind: 'refused', peer, code, detail: text, byUs: false });
    if (code === ErrorCode.identity && incarnation >= this.ctx.incarnation && c.site !== '')
      this.up.outrun(incarnation);
  }

  private greeted(c: Connection, hello: Hello): void {
    const { self, settings } = this.ctx;
    const name = hello.site.name;
    if (c.dialled && name !== c.site) {
      this.refuse(c, { code: ErrorCode.identity, text: `${c.site} was expected here`, incarnation: 0, clash: false });
      return;
    }
    const known = this.sites.get(name);
    const verdict = judgeIdentity(hello, c, self, known, this.openTo(name));
    const groups = verdict ?? sharedGroups(hello, c.address, settings);
    if ('code' in groups) {
      if (groups.clash)
        this.ctx.ports.event({ kind: 'name-clash', site: name, address: c.address, detail: groups.text });
      this.refuse(c, groups);
      return;
    }
    const site = this.sites.learn(hello.site);
    if (site === undefined) {
      this.refuse(c, { code: ErrorCode.busy, text: 'too many sites', incarnation: 0, clash: false });
      return;
    }
    for (const o of this.openTo(name))
      if (o.incarnation < hello.incarnation) this.close(o, 'a later run of you is here');
    this.admit(c, hello, groups);
  }

  private admit(c: Connection, hello: Hello, groups: ReadonlySet<string>): void {
    if (!c.dialled) {
      c.purpose = hello.purpose;
      this.send(c, this.hello(hello.purpose));
    }
    c.site = hello.site.name;
    c.incarnation = hello.incarnation;
    c.groups = groups;
    c.state = 'open';
    c.sinceMs = this.ctx.nowMs;
    this.sites.greeted(c.site, hello.site, hello.incarnation);
    this.up.opened(c, hello);
  }

  private hello(purpose: Purpose): Hello {
    const { settings, incarnation, birth, self } = this.ctx;
    return {
      kind: 'hello',
      site: this.sites.get(self)!.definition,
      incarnation,
      purpose,
      protocol: PROTOCOL_VERSION,
      software: birth.software,
      groups: settings.groups.map((g) => g.name),
    };
  }

  private finish(c: Connection, end: End): void {
    if (c.state === 'closed') return;
    this.ctx.ports.close(c.id);
    this.end(c, end);
  }

  private end(c: Connection, end: End): void {
    const wasOpen = c.state === 'open';
    c.state = 'closed';
    c.stream.stop();
    this.byId.delete(c.id);
    this.up.ended(c, end, wasOpen);
  }
}
