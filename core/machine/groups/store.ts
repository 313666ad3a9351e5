// The state S of the group layer: groups with their ids and members, who is in which group, and the index floor
// (docs/design/groups.md, 2). Equal at all daemons of a configuration; only the lists of local sessions are our own.
import type { Bytes, ConfigurationId } from '../types.js';
import { NAME_BYTES, readName } from '../../wire/frame.js';
import { MemberList } from './members.js';
import { NameTable, nameField } from './names.js';
import type { GroupId } from './notice.js';
import type { LocalSession, Target } from './sessions.js';

/** Memberships of one daemon; a join beyond is ignored. Bounds the announcements of the exchange. */
export const MAX_MEMBERSHIPS = 1_048_576;
/** Names of emptied groups whose last index is kept apart. */
export const MAX_FLOORS = 1024;

export class Group implements Target {
  readonly key: Bytes;
  local: LocalSession[] = [];
  members = new MemberList();
  /** A member was lost in a transitional configuration; local members have heard TRANSITION. */
  changed = false;

  constructor(
    readonly name: string,
    public id: GroupId,
  ) {
    this.key = nameField(name);
  }
}

/** Bytewise by name. */
export function byGroupName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

export class GroupStore {
  readonly groups = new Map<string, Group>();
  /** Per place of a daemon, per private group: its groups. */
  readonly #memberships = new Map<number, Map<string, Set<Group>>>();
  readonly #counts = new Map<number, number>();
  #base: ConfigurationId = { number: 0, time: 0 };
  readonly #floors = new Map<string, number>();
  #floor = 0;

  constructor(readonly table: NameTable<Target>) {}

  get base(): ConfigurationId {
    return this.#base;
  }

  /** From here on views belong to that configuration; no id of it was used before. */
  begin(base: ConfigurationId): void {
    this.#base = base;
    this.#floors.clear();
    this.#floor = 0;
  }

  /** The group, made if need be, with the floor as its index. */
  obtain(name: string): Group {
    let g = this.groups.get(name);
    if (g === undefined) {
      g = new Group(name, this.#id(Math.max(this.#floor, this.#floors.get(name) ?? 0)));
      this.groups.set(name, g);
      this.table.add(g.key, g);
    }
    return g;
  }

  /** Forgets an empty group. */
  forget(g: Group): void {
    this.groups.delete(g.name);
    this.table.delete(g.key);
    this.#floors.set(g.name, g.id.index);
    if (this.#floors.size <= MAX_FLOORS) return;
    for (const index of this.#floors.values()) this.#floor = Math.max(this.#floor, index);
    this.#floors.clear();
  }

  /** The view changed by a join, leave or disconnect. */
  advance(g: Group): void {
    g.id = this.#id(g.id.index + 1);
  }

  /** The view changed with the configuration. */
  restart(g: Group): void {
    g.id = this.#id(1);
  }

  /** May that daemon have one more membership? */
  hasRoom(place: number): boolean {
    return (this.#counts.get(place) ?? 0) < MAX_MEMBERSHIPS;
  }

  /** Notes that the member, already in the list of `g`, is in `g`. */
  enter(place: number, privateGroup: string, g: Group): void {
    let members = this.#memberships.get(place);
    if (members === undefined) this.#memberships.set(place, (members = new Map<string, Set<Group>>()));
    const groups = members.get(privateGroup);
    if (groups === undefined) members.set(privateGroup, new Set([g]));
    else groups.add(g);
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
  }

  leave(place: number, privateGroup: string, g: Group): void {
    const members = this.#memberships.get(place);
    const groups = members?.get(privateGroup);
    if (members === undefined || groups?.delete(g) !== true) return;
    if (groups.size === 0) members.delete(privateGroup);
    this.#counts.set(place, this.#counts.get(place)! - 1);
  }

  /** Groups of that member, bytewise by name. */
  groupsOf(place: number, privateGroup: string): Group[] {
    return [...(this.#memberships.get(place)?.get(privateGroup) ?? [])].sort(byGroupName);
  }

  /** The members of that daemon leave all groups; empty groups are forgotten. */
  dropDaemon(place: number): void {
    this.#memberships.delete(place);
    this.#counts.delete(place);
    for (const g of this.groups.values()) {
      if (g.members.removePlace(place) > 0 && g.members.count === 0) this.forget(g);
    }
  }

  /** Before the outcome of an exchange is entered: nobody is in any group. Groups not entered again are `forget`ed. */
  clearMembers(): void {
    this.#memberships.clear();
    this.#counts.clear();
    for (const g of this.groups.values()) g.members = new MemberList();
  }

  /** Takes over a member list decided elsewhere. */
  setMembers(g: Group, members: MemberList): void {
    g.members = members;
    for (const place of members.places) {
      const block = members.of(place);
      for (let at = 0; at < block.length; at += NAME_BYTES) this.enter(place, readName(block, at), g);
    }
  }

  #id(index: number): GroupId {
    return { number: this.#base.number, time: this.#base.time, index };
  }
}
