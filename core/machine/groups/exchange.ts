// One exchange of group state: collects what each member of the configuration announces and decides what becomes of
// every group (docs/design/groups.md, 4.3 and 6). The outcome is a function of the announcements alone.
import type { Bytes, Configuration, ConfigurationId } from '../types.js';
import { privateGroupOf } from '../../wire/name.js';
import type { Announced } from './announce.js';
import { decodeState } from './announce.js';
import { MemberList } from './members.js';
import { nameField } from './names.js';
import type { GroupId, NameSet, ViewSets } from './notice.js';
import { MAX_MEMBERSHIPS, byGroupName } from './store.js';

interface Announcer {
  tag: string | undefined;
  entries: Announced[];
  memberships: number;
  ended: boolean;
}

/** What became of one group. */
export interface Outcome {
  readonly name: string;
  readonly members: MemberList;
  /** Undefined: the group changed and gets the first id of the configuration. */
  readonly id: GroupId | undefined;
  /** Somebody of the own last view is not announced with the own tag. */
  readonly lost: boolean;
}

/** A group while the announcements are put together. */
interface Draft {
  readonly name: string;
  readonly members: MemberList;
  readonly first: Announced;
  readonly tag: string | undefined;
  /** Somebody marks it, or two announcers do not come from one view. */
  changed: boolean;
  /** Members announced under the own tag, and how many the own daemon says there were. */
  together: number;
  before: number;
}

const NO_TAG = 'none';

function sameId(a: GroupId, b: GroupId): boolean {
  return a.number === b.number && a.time === b.time && a.index === b.index;
}

export class Exchange {
  readonly #announcers: Announcer[];
  /** Rank by place. */
  readonly #ranks: ReadonlyMap<number, number>;
  #missing: number;

  constructor(readonly configuration: Configuration) {
    this.#announcers = configuration.members.map(() => ({ tag: undefined, entries: [], memberships: 0, ended: false }));
    this.#ranks = new Map(configuration.members.map((m, rank) => [m.place, rank]));
    this.#missing = configuration.members.length;
  }

  /** Members whose last message is still to come. */
  get missing(): number {
    return this.#missing;
  }

  /** False: malformed or not expected. A malformed message ends and voids its sender's part. */
  add(rank: number, bytes: Bytes): boolean {
    const a = this.#announcers[rank];
    if (a === undefined || a.ended) return false;
    const m = decodeState(bytes);
    if (m !== undefined && !this.#isOurs(m.configuration)) return true;
    const tag = m?.tag === undefined ? NO_TAG : `${m.tag.number}.${m.tag.time}`;
    a.tag ??= tag;
    for (const e of m?.entries ?? []) a.memberships += e.names.length;
    if (m === undefined || a.tag !== tag || a.memberships > MAX_MEMBERSHIPS) {
      a.entries = [];
      this.#end(a);
      return false;
    }
    a.entries.push(...m.entries);
    if (m.last) this.#end(a);
    return true;
  }

  /** Bytewise by group. Call when nothing is missing. */
  outcomes(): Outcome[] {
    const drafts = new Map<string, Draft>();
    this.#announcers.forEach((a, rank) => {
      for (const e of a.entries) this.#draft(drafts, a, rank, e);
    });
    return [...drafts.values()].sort(byGroupName).map((d) => ({
      name: d.name,
      members: d.members,
      id: d.changed || d.members.count !== d.first.total ? undefined : d.first.id,
      lost: d.together < d.before,
    }));
  }

  /** One set per tag, in the order of their first members; `own` is that of the own tag (-1: it has no members). */
  setsOf(members: MemberList): ViewSets {
    const sets = new Map<string, Bytes[]>();
    for (const place of members.places) {
      const tag = this.#announcers[this.#ranks.get(place)!]!.tag ?? NO_TAG;
      const blocks = sets.get(tag);
      if (blocks === undefined) sets.set(tag, [members.of(place)]);
      else blocks.push(members.of(place));
    }
    const own = this.#announcers[this.configuration.self]!.tag ?? NO_TAG;
    return { sets: [...sets.values()] satisfies NameSet[], own: [...sets.keys()].indexOf(own) };
  }

  #isOurs(id: ConfigurationId): boolean {
    return id.number === this.configuration.id.number && id.time === this.configuration.id.time;
  }

  #end(a: Announcer): void {
    a.ended = true;
    this.#missing--;
  }

  #draft(drafts: Map<string, Draft>, a: Announcer, rank: number, e: Announced): void {
    let d = drafts.get(e.group);
    if (d === undefined) {
      const fresh = { name: e.group, members: new MemberList(), first: e, tag: a.tag };
      d = { ...fresh, changed: false, together: 0, before: 0 };
      drafts.set(e.group, d);
    }
    if (e.changed || a.tag !== d.tag || e.total !== d.first.total || !sameId(e.id, d.first.id)) d.changed = true;
    const { name, place } = this.configuration.members[rank]!;
    let entered = 0;
    for (const n of e.names) if (d.members.insert(place, nameField(privateGroupOf(n, name)), 0)) entered++;
    if (a.tag === this.#announcers[this.configuration.self]!.tag) d.together += entered;
    if (rank === this.configuration.self) d.before = e.total;
  }
}
