// `Sessions` of a single daemon without a daemon: enough of groups (join, leave, disconnect, multicast, own copies) that
// a client API can be tried against it. Everything happens at once, in the order of calls; sinks are flushed at the end
// of the outermost call, as the core does at the end of a tick.
import type { EventLoop } from '../../core/plugin/loop.js';
import type {
  Session,
  SessionEnd,
  SessionRefusal,
  SessionRequest,
  Sessions,
  SessionSink,
} from '../../core/plugin/client.js';
import {
  HEADER_BYTES,
  NAME_BYTES,
  Service,
  buildFrame,
  frameBytes,
  frameGroups,
  frameService,
  readName,
  writeName,
  writeU32,
} from '../../core/wire/frame.js';
import { isPrivateName, privateGroupOf } from '../../core/wire/name.js';
import { GROUP_ID_BYTES, SETS_COUNT_OFFSET, SETS_OFFSET } from '../../core/wire/view.js';

/** Group ids begin with these; the index rises with every view, of any group. */
const NUMBER = 0x0a000001;
const TIME = 1_000_000_000;

/** Why a session ended, as the API under test said it. */
export interface Ended {
  readonly name: string;
  readonly reason: SessionEnd;
  readonly detail: string;
}

export class FakeSessions implements Sessions {
  readonly daemon: string = 'solo';
  readonly maxMessageBytes: number = 143_952;
  limit = 100;
  readonly ended: Ended[] = [];
  /** Names that are still taken although nobody has them. */
  readonly leaving = new Set<string>();
  readonly congested = new Set<string>();
  private readonly open_ = new Map<string, FakeSession>();
  private readonly groups = new Map<string, Set<FakeSession>>();
  private readonly dirty = new Set<FakeSession>();
  private depth = 0;
  private ids = 0;
  private views = 0;

  /** With a loop, every call runs inside a tick of it and sinks are flushed at the end of the tick. */
  constructor(private readonly loop?: EventLoop) {
    loop?.onTickEnd(() => this.flush());
  }

  get count(): number {
    return this.open_.size;
  }

  nameInUse(name: string): boolean {
    return this.open_.has(name) || this.leaving.has(name);
  }

  open(request: SessionRequest, sink: SessionSink): Session | SessionRefusal {
    if (this.count >= this.limit) return 'quota';
    const name = request.name === '' ? `r${++this.ids}` : request.name;
    if (!isPrivateName(name)) return 'illegal-name';
    if (this.nameInUse(name)) return 'not-unique';
    const session = new FakeSession(++this.ids, name, request.membership, sink, this);
    this.open_.set(name, session);
    return session;
  }

  /** The daemon stops. */
  stop(): void {
    const all = [...this.open_.values()];
    this.open_.clear();
    for (const session of all) {
      session.over = true;
      session.sink.ended('stopping');
    }
  }

  within(fn: () => void): void {
    if (this.loop !== undefined) {
      this.loop.run('sessions', fn);
      return;
    }
    this.depth++;
    fn();
    this.depth--;
    if (this.depth === 0) this.flush();
  }

  submit(from: FakeSession, run: Uint8Array): void {
    for (let at = 0; at < run.length; at += frameBytes(run, at)) {
      const frame = new Uint8Array(run.subarray(at, at + frameBytes(run, at)));
      const service = frameService(frame, 0);
      const group = readName(frame, HEADER_BYTES);
      if ((service & Service.JOIN) !== 0) this.join(from, group);
      else if ((service & Service.LEAVE) !== 0) this.leave(from, group, Service.CAUSED_BY_LEAVE);
      else this.multicast(from, frame, service);
    }
  }

  /** As in a daemon, no client is read while one is congested. */
  congest(session: FakeSession, on: boolean): void {
    if (on) this.congested.add(session.name);
    else this.congested.delete(session.name);
    this.loop?.setThreshold(this.congested.size > 0 ? 'medium' : 'low');
  }

  close(session: FakeSession, reason: SessionEnd, detail: string): void {
    this.congest(session, false);
    this.open_.delete(session.name);
    this.ended.push({ name: session.name, reason, detail });
    for (const group of [...this.groups.keys()].sort()) this.leave(session, group, Service.CAUSED_BY_DISCONNECT);
  }

  private join(session: FakeSession, group: string): void {
    const members = this.groups.get(group) ?? new Set();
    if (members.has(session)) return;
    this.groups.set(group, members.add(session));
    this.view(group, members, Service.CAUSED_BY_JOIN, session);
  }

  private leave(session: FakeSession, group: string, cause: number): void {
    const members = this.groups.get(group);
    if (members?.delete(session) !== true) return;
    if (members.size === 0) this.groups.delete(group);
    if (cause === Service.CAUSED_BY_LEAVE && session.membership)
      this.deliver(session, buildFrame({ service: cause, sender: group, groups: [] }));
    this.view(group, members, cause, session);
  }

  private view(group: string, members: ReadonlySet<FakeSession>, cause: number, who: FakeSession): void {
    const body = new Uint8Array(SETS_OFFSET + 4 + NAME_BYTES);
    writeU32(body, 0, NUMBER);
    writeU32(body, 4, TIME);
    writeU32(body, GROUP_ID_BYTES - 4, ++this.views);
    writeU32(body, SETS_COUNT_OFFSET, 1);
    writeU32(body, SETS_OFFSET, 1);
    writeName(body, SETS_OFFSET + 4, who.privateGroup);
    const groups = [...members].map((m) => m.privateGroup).sort();
    const frame = buildFrame({ service: Service.REG_MEMB | cause, sender: group, groups, body });
    for (const member of members) if (member.membership) this.deliver(member, frame);
  }

  private multicast(from: FakeSession, frame: Uint8Array, service: number): void {
    const receivers = new Set<FakeSession>();
    for (let i = 0; i < frameGroups(frame, 0); i++) {
      const name = readName(frame, HEADER_BYTES + NAME_BYTES * i);
      for (const member of this.groups.get(name) ?? []) receivers.add(member);
      for (const session of this.open_.values()) if (session.privateGroup === name) receivers.add(session);
    }
    if ((service & Service.SELF_DISCARD) !== 0) receivers.delete(from);
    for (const receiver of receivers) this.deliver(receiver, frame);
  }

  private deliver(session: FakeSession, frame: Uint8Array): void {
    if (session.over) return;
    this.dirty.add(session);
    session.sink.deliver(frame, 1);
  }

  private flush(): void {
    for (const session of this.dirty) {
      this.dirty.delete(session);
      if (!session.over) session.sink.flush();
    }
  }
}

class FakeSession implements Session {
  readonly privateGroup: string;
  over = false;

  constructor(
    readonly id: number,
    readonly name: string,
    readonly membership: boolean,
    readonly sink: SessionSink,
    private readonly sessions: FakeSessions,
  ) {
    this.privateGroup = privateGroupOf(name, sessions.daemon);
  }

  submit(frames: Uint8Array): void {
    if (!this.over) this.sessions.within(() => this.sessions.submit(this, frames));
  }

  end(reason: SessionEnd, detail = ''): void {
    if (this.over) return;
    this.over = true;
    this.sessions.within(() => this.sessions.close(this, reason, detail));
  }

  congested(on: boolean): void {
    if (!this.over) this.sessions.within(() => this.sessions.congest(this, on));
  }
}
