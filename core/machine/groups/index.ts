// The group layer (design: docs/design/groups.md, whose numbers are cited here): turns the one ordered stream into
// what local sessions receive. This file is the course of configurations; joins and leaves are in changes.ts, the path
// of messages in router.ts, the merging of announcements in exchange.ts.
import type { Bytes, Configuration, ConfigurationId, Member } from '../types.js';
import { NAME_BYTES, Service, readName } from '../../wire/frame.js';
import type { Announced } from './announce.js';
import { MAX_STATE_BYTES, encodeState } from './announce.js';
import { MembershipChanges, tell } from './changes.js';
import type { GroupsMachine, GroupsOut } from './contract.js';
import type { Outcome } from './exchange.js';
import { Exchange } from './exchange.js';
import { NameTable, daemonSuffix } from './names.js';
import type { ViewSets } from './notice.js';
import { viewFrame } from './notice.js';
import type { FrameSender } from './router.js';
import { Router } from './router.js';
import type { Target } from './sessions.js';
import { LocalSessions, dropSession } from './sessions.js';
import type { Group } from './store.js';
import { GroupStore, byGroupName } from './store.js';

export { MAX_STATE_BYTES } from './announce.js';
export { MAX_MEMBERSHIPS } from './store.js';

/** The group layer of the daemon of that name. */
export function createGroups(selfName: string, out: GroupsOut): GroupsMachine {
  return new Groups(selfName, out);
}

function isMember(list: readonly Member[], m: Member): boolean {
  return list.some((o) => o.name === m.name && o.incarnation === m.incarnation);
}

/** Also at the same place: after a new list the members' order is decided anew, by an exchange. */
function isSame(list: readonly Member[], m: Member): boolean {
  return isMember(list, m) && list.some((o) => o.name === m.name && o.place === m.place);
}

class Groups implements GroupsMachine {
  readonly #table = new NameTable<Target>();
  readonly #store = new GroupStore(this.#table);
  readonly #sessions: LocalSessions;
  readonly #changes: MembershipChanges;
  readonly #router: Router;
  #configuration: Configuration | undefined;
  #senders: readonly FrameSender[] = [];
  #exchange: Exchange | undefined;
  /** The transitional configuration since the last regular one. */
  #transition: { readonly id: ConfigurationId; readonly survivors: readonly Member[] } | undefined;
  /** Places of the members it lost, once it is entered (4.1.1). */
  #lost: ReadonlySet<number> | undefined;
  #tag: ConfigurationId | undefined;
  /** Own place in the list when the state was last complete: members are kept by it. */
  #place = -1;

  constructor(
    selfName: string,
    readonly out: GroupsOut,
  ) {
    this.#sessions = new LocalSessions(selfName, this.#table);
    this.#changes = new MembershipChanges(this.#store, this.#sessions, out, () => this.#lost);
    this.#router = new Router(this.#table, out, (sender, service, bytes, at) => {
      if (!this.#changes.apply(sender, service, bytes, at)) this.#router.ignored++;
    });
  }

  get exchanging(): boolean {
    return this.#exchange !== undefined;
  }

  attach(session: number, name: string, membership: boolean): void {
    this.#sessions.attach(session, name, membership);
  }

  detach(session: number): void {
    const s = this.#sessions.get(session);
    if (s === undefined || s.detached) return;
    this.#sessions.detach(s);
    for (const g of this.#store.groupsOf(this.#place, s.field)) dropSession(g, s);
  }

  forget(session: number): void {
    const s = this.#sessions.get(session);
    if (s === undefined) return;
    this.#sessions.gone(s);
    this.out.gone(session);
  }

  nameInUse(name: string): boolean {
    return this.#sessions.nameInUse(name);
  }

  transitional(id: ConfigurationId, survivors: readonly Member[]): void {
    if (this.#configuration === undefined || this.#transition !== undefined)
      throw new Error('a transitional configuration follows a regular one');
    this.#transition = { id, survivors };
    if (this.#exchange === undefined) this.#enterTransition(this.#configuration, id, survivors);
  }

  regular(configuration: Configuration, survivors: readonly Member[]): void {
    const cutShort = this.#exchange !== undefined;
    for (const place of this.#lost ?? []) this.#store.dropDaemon(place);
    this.#transition = undefined;
    this.#lost = undefined;
    this.#configuration = configuration;
    this.#senders = configuration.members.map((m, rank) => ({
      place: m.place,
      suffix: daemonSuffix(m.name),
      own: rank === configuration.self,
    }));
    const { members } = configuration;
    if (!cutShort && members.length === survivors.length && members.every((m) => isSame(survivors, m))) {
      this.#store.begin(configuration.id);
      this.#tellNetwork(this.#changed(), (g) => ({ sets: [[g.members.all]], own: 0 }));
      return;
    }
    this.#exchange = new Exchange(configuration);
    const limit = Math.min(MAX_STATE_BYTES, configuration.maxPackBytes);
    this.out.submitState(encodeState(configuration.id, this.#tag, this.#announced(configuration), limit));
  }

  frames(sender: number, bytes: Bytes, from: number, to: number): void {
    const s = this.#senders[sender];
    if (s === undefined || this.#exchange !== undefined) this.#router.ignored++;
    else this.#router.route(s, bytes, from, to);
  }

  state(sender: number, bytes: Bytes): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined) return false;
    const good = exchange.add(sender, bytes);
    if (exchange.missing === 0) this.#endExchange(exchange);
    return good;
  }

  counts(): { sessions: number; groups: number; ignored: number } {
    const ignored = this.#router.ignored + this.#changes.refused;
    return { sessions: this.#sessions.count, groups: this.#store.size, ignored };
  }

  members(group: string): readonly string[] {
    return this.#store.named(group)?.members.names() ?? [];
  }

  groups(): readonly string[] {
    return this.#store
      .all()
      .map((g) => g.name)
      .sort();
  }

  describe(): string {
    const state = `${this.#exchange === undefined ? '' : 'exchanging '}${this.#transition === undefined ? '' : 'transitional '}`;
    const { number, time } = this.#store.base;
    const missing = this.#exchange === undefined ? '' : ` missing=${this.#exchange.missing}`;
    const tag = this.#tag === undefined ? 'none' : `${this.#tag.number}.${this.#tag.time}`;
    const { sessions, groups, ignored } = this.counts();
    return `${state === '' ? 'normal ' : state}base=${number}.${time} tag=${tag}${missing} groups=${groups} sessions=${sessions} ignored=${ignored}`;
  }

  /** 4.1.1 */
  #enterTransition(configuration: Configuration, id: ConfigurationId, survivors: readonly Member[]): void {
    const lost = configuration.members.filter((m) => !isMember(survivors, m)).map((m) => m.place);
    this.#lost = new Set(lost);
    this.#tag = id;
    this.#store.begin(id);
    const affected = this.#store
      .all()
      .filter((g) => g.members.places.some((place) => this.#lost!.has(place)))
      .sort(byGroupName);
    for (const g of affected) {
      this.#changes.tellTransition(g);
      g.changed = true;
      this.#store.restart(g);
    }
  }

  /** Section 6. */
  #endExchange(exchange: Exchange): void {
    this.#exchange = undefined;
    const outcomes = exchange.outcomes();
    for (const { name, lost } of outcomes) {
      const g = this.#store.named(name);
      if (g !== undefined && lost && !g.changed) this.#changes.tellTransition(g);
    }
    this.#place = exchange.configuration.members[exchange.configuration.self]!.place;
    this.#enterOutcomes(outcomes);
    // Only now: groups that vanished on our side alone must leave no index floor behind.
    this.#store.begin(exchange.configuration.id);
    this.#tellNetwork(this.#changed(), (g) => exchange.setsOf(g.members));
    if (this.#transition !== undefined)
      this.#enterTransition(exchange.configuration, this.#transition.id, this.#transition.survivors);
    this.out.exchanged();
  }

  #enterOutcomes(outcomes: readonly Outcome[]): void {
    this.#store.clearMembers();
    for (const { name, members, id } of outcomes) {
      const g = this.#store.obtain(name);
      this.#store.setMembers(g, members);
      g.changed = id === undefined;
      if (id !== undefined) g.id = id;
      g.local = g.local.filter((s) => members.has(this.#place, s.field, 0));
    }
    for (const g of this.#store.all()) if (g.members.count === 0) this.#store.forget(g);
  }

  #changed(): Group[] {
    return this.#store
      .all()
      .filter((g) => g.changed)
      .sort(byGroupName);
  }

  /** The first view of the configuration for these groups. */
  #tellNetwork(groups: readonly Group[], sets: (g: Group) => ViewSets): void {
    for (const g of groups) {
      g.changed = false;
      this.#store.restart(g);
      tell(this.out, g.local, () => viewFrame(Service.CAUSED_BY_NETWORK, g.key, g.members.all, g.id, sets(g)));
    }
  }

  /** Own members of every group, as of the last complete configuration. */
  *#announced(configuration: Configuration): Generator<Announced> {
    const daemon = configuration.members[configuration.self]!.name;
    for (const g of this.#store.all().sort(byGroupName)) {
      const block = g.members.of(this.#place);
      if (block.length === 0) continue;
      const names: string[] = [];
      for (let at = 0; at < block.length; at += NAME_BYTES)
        names.push(readName(block, at).slice(1, -1 - daemon.length));
      yield { group: g.name, id: g.id, changed: g.changed, total: g.members.count, names };
    }
  }
}
