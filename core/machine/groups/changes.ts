// Joins, leaves and disconnects: what they do to the state and which notices local sessions receive
// (docs/design/groups.md, 4.4 and 4.5). One frame is built per group and cause, and shared by its receivers.
import type { Bytes } from '../types.js';
import {
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  readName,
  readU32,
} from '../../wire/frame.js';
import { isGroupField } from '../../wire/name.js';
import type { GroupsOut } from './contract.js';
import type { Cause, ViewSets } from './notice.js';
import { selfLeaveFrame, transitionFrame, viewFrame } from './notice.js';
import type { FrameSender } from './router.js';
import type { LocalSession, LocalSessions } from './sessions.js';
import { addSession, dropSession } from './sessions.js';
import type { Group, GroupStore } from './store.js';

/** The member whose join, leave or disconnect is handled. */
interface Changing {
  readonly place: number;
  /** Its name field, valid until the next one changes something: copy what is kept. */
  readonly field: Bytes;
  /** If it is one of ours. */
  readonly session: LocalSession | undefined;
}

function wantsNotice(s: LocalSession): boolean {
  return s.membership && !s.detached;
}

/** Delivers a notice to the local members of a group that want it. It is built only if somebody does. */
export function tell(out: GroupsOut, members: readonly LocalSession[], frame: () => Bytes): void {
  const listeners = members.filter(wantsNotice);
  if (listeners.length === 0) return;
  const bytes = frame();
  for (const s of listeners) if (!s.detached) out.deliver(s.id, bytes, 1);
}

export class MembershipChanges {
  /** Joins beyond the limit of memberships. */
  refused = 0;
  readonly #field = new Uint8Array(NAME_BYTES);

  constructor(
    readonly store: GroupStore,
    readonly sessions: LocalSessions,
    readonly out: GroupsOut,
    /** Places of the lost daemons while a transitional configuration lasts. */
    readonly lost: () => ReadonlySet<number> | undefined,
  ) {}

  /** A JOIN, LEAVE or KILL frame with a checked sender. False: it has no effect because it is malformed. */
  apply(sender: FrameSender, service: number, bytes: Bytes, at: number): boolean {
    const field = this.#field;
    for (let i = 0; i < NAME_BYTES; i++) field[i] = bytes[at + SENDER_OFFSET + i]!;
    const session = sender.own ? this.sessions.find(field, 0) : undefined;
    const who = { place: sender.place, field, session };
    if ((service & Service.KILL) !== 0) {
      this.#kill(who);
      return true;
    }
    const group = at + HEADER_BYTES;
    if (readU32(bytes, at + GROUPS_COUNT_OFFSET) === 0 || !isGroupField(bytes, group)) return false;
    const known = this.store.find(bytes, group);
    if ((service & Service.JOIN) === 0) this.#leave(who, known);
    else if (known?.members.has(who.place, who.field, 0) === true) return true;
    else if (!this.store.hasRoom(who.place)) this.refused++;
    else this.#join(who, known ?? this.store.obtain(readName(bytes, group)));
    return true;
  }

  #join(who: Changing, g: Group): void {
    g.members.insert(who.place, who.field, 0);
    this.store.enter(who.place, who.field, 0, g);
    this.store.advance(g);
    if (who.session !== undefined && !who.session.detached) addSession(g.local, who.session);
    this.#tellChange(g, Service.CAUSED_BY_JOIN, who);
    if (g.changed || this.lost()?.has(who.place) !== true) return;
    g.changed = true;
    this.tellTransition(g);
  }

  #leave(who: Changing, g: Group | undefined): void {
    if (g?.members.has(who.place, who.field, 0) !== true) return;
    const { session } = who;
    if (session !== undefined) tell(this.out, [session], () => selfLeaveFrame(g.key));
    this.#depart(g, Service.CAUSED_BY_LEAVE, who);
  }

  #kill(who: Changing): void {
    for (const g of this.store.groupsOf(who.place, who.field)) {
      this.#depart(g, Service.CAUSED_BY_DISCONNECT, who);
    }
    if (who.session === undefined) return;
    this.sessions.gone(who.session);
    this.out.gone(who.session.id);
  }

  #depart(g: Group, cause: Cause, who: Changing): void {
    g.members.remove(who.place, who.field, 0);
    this.store.leave(who.place, who.field, g);
    if (who.session !== undefined) dropSession(g, who.session);
    this.store.advance(g);
    if (g.members.count === 0) this.store.forget(g);
    else this.#tellChange(g, cause, who);
  }

  /** The signal that the present view of `g` ends. */
  tellTransition(g: Group): void {
    tell(this.out, g.local, () => transitionFrame(g.key, g.id));
  }

  #tellChange(g: Group, cause: Cause, who: Changing): void {
    const lost = this.lost();
    if (lost === undefined || !g.changed) {
      const view = { sets: [[who.field]], own: 0 };
      tell(this.out, g.local, () => viewFrame(cause, g.key, g.members.all, g.id, view));
      return;
    }
    const joiner = cause === Service.CAUSED_BY_JOIN ? who : undefined;
    const sets = setsInside(g, lost, joiner);
    const network = (own: number): Bytes =>
      viewFrame(Service.CAUSED_BY_NETWORK, g.key, g.members.all, g.id, { sets, own });
    const others = g.local.filter((s) => s !== joiner?.session);
    tell(this.out, others, () => network(0));
    if (joiner?.session !== undefined) tell(this.out, [joiner.session], () => network(sets.length - 1));
    this.tellTransition(g);
  }
}

/** Sets of a view inside a transitional configuration: survivors, each lost daemon, the joiner. */
function setsInside(g: Group, lost: ReadonlySet<number>, joiner: Changing | undefined): ViewSets['sets'] {
  const survivors: Bytes[] = [];
  const sets: Bytes[][] = [survivors];
  for (const place of g.members.places) {
    const blocks =
      place === joiner?.place ? g.members.without(place, joiner.field, 0) : ([g.members.of(place)] as const);
    if (lost.has(place)) sets.push([...blocks]);
    else survivors.push(...blocks);
  }
  if (joiner !== undefined) sets.push([joiner.field]);
  return sets.filter((set) => set.some((block) => block.length > 0));
}
