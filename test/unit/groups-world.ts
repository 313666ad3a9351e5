// A world for tests of the group layer: machines fed by a stream that the test orders by hand. A `Side` is a set of
// daemons in one configuration; it changes, splits and merges as the membership would let it.
import { createGroups } from '../../core/machine/groups/index.js';
import type { GroupsMachine } from '../../core/machine/groups/contract.js';
import type { Bytes, Configuration, ConfigurationId, Member } from '../../core/machine/types.js';
import { NAME_BYTES, Service, buildFrame, frameService, readName, readU32 } from '../../core/wire/frame.js';

/** What a session received: whole frames in order. */
export interface Received {
  readonly frames: Bytes[];
  /** Calls of `deliver`. */
  slices: number;
}

export class Daemon {
  readonly machine: GroupsMachine;
  readonly received = new Map<number, Received>();
  readonly names = new Map<number, string>();
  readonly gone: number[] = [];
  /** State messages of the running exchange, in order of submission. */
  submitted: Bytes[] = [];
  exchanges = 0;
  #sessions = 0;

  constructor(readonly member: Member) {
    this.machine = createGroups(member.name, {
      deliver: (session, frames, messages) => {
        const r = this.received.get(session)!;
        r.slices++;
        const split = splitFrames(frames);
        if (split.length !== messages) throw new Error(`${messages} messages announced, ${split.length} found`);
        r.frames.push(...split);
      },
      gone: (session) => this.gone.push(session),
      submitState: (messages) => (this.submitted = [...messages]),
      exchanged: () => this.exchanges++,
    });
  }

  attach(name: string, membership = true): number {
    const id = ++this.#sessions;
    this.names.set(id, name);
    this.received.set(id, { frames: [], slices: 0 });
    this.machine.attach(id, name, membership);
    return id;
  }

  /** Frames a session received since the last call. */
  take(session: number): Bytes[] {
    return this.received.get(session)!.frames.splice(0);
  }
}

export function splitFrames(b: Bytes): Bytes[] {
  const out: Bytes[] = [];
  for (let at = 0; at < b.length;) {
    const size = 48 + NAME_BYTES * readU32(b, at + 36) + readU32(b, at + 44);
    out.push(b.subarray(at, at + size));
    at += size;
  }
  return out;
}

export function join(sender: string, group: string): Bytes {
  return buildFrame({ service: Service.JOIN, sender, groups: [group] });
}

export function leave(sender: string, group: string): Bytes {
  return buildFrame({ service: Service.LEAVE, sender, groups: [group] });
}

export function kill(sender: string): Bytes {
  return buildFrame({ service: Service.KILL, sender, groups: [sender] });
}

export function message(
  sender: string,
  groups: string[],
  body: string,
  service: number = Service.AGREED,
  type = 0,
): Bytes {
  return buildFrame({ service, sender, groups, type, body: new TextEncoder().encode(body) });
}

export function concat(parts: readonly Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

export function configuration(
  id: ConfigurationId,
  members: readonly Member[],
  self: Member,
  maxPackBytes = 1400,
): Configuration {
  const sorted = [...members].sort((a, b) => a.place - b.place);
  return { id, members: sorted, self: sorted.indexOf(self), maxPackBytes };
}

/** A view or another notice in words, for comparison. */
export interface Notice {
  readonly kind: 'message' | 'JOIN' | 'LEAVE' | 'DISCONNECT' | 'NETWORK' | 'TRANSITION' | 'SELF-LEAVE';
  readonly group: string;
  readonly members: readonly string[];
  readonly id: string;
  readonly sets: readonly (readonly string[])[];
  /** Index of the receiver's set. */
  readonly own: number;
  readonly body: string;
}

function names(b: Bytes, at: number, n: number): string[] {
  return Array.from({ length: n }, (_, i) => readName(b, at + NAME_BYTES * i));
}

export function readNotice(b: Bytes): Notice {
  const service = frameService(b, 0);
  const group = readName(b, 4);
  const n = readU32(b, 36);
  const body = 48 + NAME_BYTES * n;
  const plain = { group, members: names(b, 48, n), id: '', sets: [], own: -1, body: '' };
  const id = (): string => [0, 4, 8].map((i) => readU32(b, body + i)).join('.');
  if ((service & Service.REGULAR) !== 0)
    return { ...plain, kind: 'message', body: new TextDecoder().decode(b.subarray(body)) };
  if (service === Service.CAUSED_BY_LEAVE) return { ...plain, kind: 'SELF-LEAVE' };
  if (service === Service.TRANSITION) return { ...plain, kind: 'TRANSITION', id: id() };
  const sets: string[][] = [];
  const wanted = readU32(b, body + 16);
  let own = -1;
  let at = body + 20;
  for (let i = readU32(b, body + 12); i > 0; i--) {
    if (at - body - 20 === wanted) own = sets.length;
    const size = readU32(b, at);
    sets.push(names(b, at + 4, size));
    at += 4 + NAME_BYTES * size;
  }
  if (at !== b.length) throw new Error('sets do not fill the body');
  const causes = {
    JOIN: Service.CAUSED_BY_JOIN,
    LEAVE: Service.CAUSED_BY_LEAVE,
    DISCONNECT: Service.CAUSED_BY_DISCONNECT,
  };
  const cause = (Object.keys(causes) as (keyof typeof causes)[]).find((c) => (service & causes[c]) !== 0);
  return { ...plain, kind: cause ?? 'NETWORK', id: id(), sets, own };
}

/** Hands the rest of an exchange to all these daemons of one configuration, in order of rank. */
export function exchange(daemons: readonly Daemon[]): void {
  const sorted = [...daemons].sort((a, b) => a.member.place - b.member.place);
  sorted.forEach((d, rank) => {
    for (const m of d.submitted)
      for (const to of sorted) if (!to.machine.state(rank, m)) throw new Error('state refused');
    d.submitted = [];
  });
}

/** All daemons of one configuration, each fed the same frames. */
export class Side {
  constructor(readonly daemons: readonly Daemon[]) {}

  /** The frames of one pack of that daemon. */
  frames(from: Daemon, ...frames: Bytes[]): void {
    const sorted = [...this.daemons].sort((a, b) => a.member.place - b.member.place);
    const pack = concat(frames);
    for (const d of sorted) d.machine.frames(sorted.indexOf(from), pack, 0, pack.length);
  }

  transitional(id: ConfigurationId, survivors: readonly Daemon[]): void {
    for (const d of survivors)
      d.machine.transitional(
        id,
        survivors.map((s) => s.member),
      );
  }
}

/** The parts (each with the survivors of their own old configuration) become one configuration; no state yet. */
export function regular(
  id: ConfigurationId,
  parts: readonly (readonly Daemon[])[],
  fresh: readonly Daemon[] = [],
): Side {
  const all = [...parts.flat(), ...fresh];
  const members = all.map((d) => d.member);
  const install = (d: Daemon, survivors: readonly Daemon[]): void =>
    d.machine.regular(
      configuration(id, members, d.member),
      survivors.map((s) => s.member),
    );
  for (const part of parts) for (const d of part) install(d, part);
  for (const d of fresh) install(d, []);
  return new Side(all);
}
