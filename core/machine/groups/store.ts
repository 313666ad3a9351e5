// The state S of the group layer: groups with their ids and members, who is in which group, and the index floor
// (docs/design/groups.md, 2). Equal at all daemons of a configuration; only the lists of local sessions are our own.
import type { Bytes, ConfigurationId } from '../types.js';
import { NAME_BYTES } from '../../wire/frame.js';
import { isGroupName } from '../../wire/name.js';
import { MemberList } from './members.js';
import { NameTable, nameField } from './names.js';
import type { GroupId } from './notice.js';
import type { LocalSession, Target } from './sessions.js';

/** Memberships of one daemon; a join beyond is ignored. Bounds the announcements of the exchange. */
export const MAX_MEMBERSHIPS = 1_048_576;
/** Names of emptied groups whose last index is kept apart. */
export const MAX_FLOORS = 1024;
/** Places for groups of one member, to begin with: most members are in few. */
const FIRST_GROUPS = 4;

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
  /** Per place of a daemon, per private group: its groups by name. */
  readonly #memberships = new Map<number, NameTable<NameTable<Group>>>();
  readonly #counts = new Map<number, number>();
  #base: ConfigurationId = { number: 0, time: 0 };
  #floors = new Map<string, number>();
  #floor = 0;
  #groups = 0;

  /** `table` has the groups, and what else a destination can name. */
  constructor(readonly table: NameTable<Target>) {}

  /** How many groups there are. */
  get size(): number {
    return this.#groups;
  }

  /** All groups, in no order. */
  all(): Group[] {
    return this.table.values().filter((t) => t instanceof Group);
  }

  /** The group whose name is in the field at `at`. */
  find(b: Bytes, at: number): Group | undefined {
    const target = this.table.get(b, at);
    return target instanceof Group ? target : undefined;
  }

  /** The same by a string, that of no group among them. */
  named(name: string): Group | undefined {
    return isGroupName(name) ? this.find(nameField(name), 0) : undefined;
  }

  get base(): ConfigurationId {
    return this.#base;
  }

  /** From here on views belong to that configuration; no id of it was used before. */
  begin(base: ConfigurationId): void {
    this.#base = base;
    this.#floors = new Map<string, number>();
    this.#floor = 0;
  }

  /** The group, made if need be, with the floor as its index. */
  obtain(name: string): Group {
    let g = this.named(name);
    if (g === undefined) {
      g = new Group(name, this.#id(Math.max(this.#floor, this.#floors.get(name) ?? 0)));
      this.#groups++;
      this.table.add(g.key, g);
    }
    return g;
  }

  /** Forgets an empty group. */
  forget(g: Group): void {
    this.#groups--;
    this.table.delete(g.key);
    this.#floors.set(g.name, g.id.index);
    if (this.#floors.size <= MAX_FLOORS) return;
    for (const index of this.#floors.values()) this.#floor = Math.max(this.#floor, index);
    // One that is cleared refers to what it becomes, as one that moves does (`NameTable`).
    this.#floors = new Map<string, number>();
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

  /** Notes that the member whose name field is at `at`, already in the list of `g`, is in `g`. */
  enter(place: number, b: Bytes, at: number, g: Group): void {
    let members = this.#memberships.get(place);
    if (members === undefined) this.#memberships.set(place, (members = new NameTable<NameTable<Group>>()));
    let groups = members.get(b, at);
    if (groups === undefined) {
      groups = new NameTable<Group>(FIRST_GROUPS);
      members.add(b.slice(at, at + NAME_BYTES), groups);
    }
    groups.add(g.key, g);
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
  }

  leave(place: number, field: Bytes, g: Group): void {
    const members = this.#memberships.get(place);
    const groups = members?.get(field, 0);
    if (members === undefined || groups?.delete(g.key) !== true) return;
    if (groups.size === 0) members.delete(field);
    this.#counts.set(place, this.#counts.get(place)! - 1);
  }

  /** Groups of that member, bytewise by name. */
  groupsOf(place: number, field: Bytes): Group[] {
    const groups = this.#memberships.get(place)?.get(field, 0);
    return groups === undefined ? [] : groups.values().sort(byGroupName);
  }

  /** The members of that daemon leave all groups; empty groups are forgotten, in no order: `begin` follows, which forgets their floors. */
  dropDaemon(place: number): void {
    this.#memberships.delete(place);
    this.#counts.delete(place);
    for (const g of this.all()) {
      if (g.members.removePlace(place) > 0 && g.members.count === 0) this.forget(g);
    }
  }

  /** Before the outcome of an exchange is entered: nobody is in any group. Groups not entered again are `forget`ed. */
  clearMembers(): void {
    this.#memberships.clear();
    this.#counts.clear();
    for (const g of this.all()) g.members = new MemberList();
  }

  /** Takes over a member list decided elsewhere. */
  setMembers(g: Group, members: MemberList): void {
    g.members = members;
    for (const place of members.places) {
      const block = members.of(place);
      for (let at = 0; at < block.length; at += NAME_BYTES) this.enter(place, block, at, g);
    }
  }

  #id(index: number): GroupId {
    return { number: this.#base.number, time: this.#base.time, index };
  }
}
