// What one daemon knows of all others, and the questions that membership asks of it: who is a member, whose rows hold
// us, who has an edge to whom, and which whole configurations could join ours. Design: docs/design/membership.md, 1, 4, 6.
import { idText, sameId } from '../envelope.js';
import { HEARING_LIMIT_MS } from '../options.js';
import type { ListedDaemon } from '../ports.js';
import type { Configuration, Member } from '../types.js';
import { Peer } from './peers.js';
import type { Row } from './row.js';
import { complete } from './sets.js';

/** Others that could join us as a whole. */
export interface Joinable {
  /** Names their configuration, or the life of a daemon that has none. */
  readonly key: string;
  readonly places: readonly number[];
}

function merged(a: readonly number[], b: readonly number[]): number[] {
  return [...a, ...b].sort((x, y) => x - y);
}

export class Hearing {
  now = 0;
  readonly peers: readonly Peer[];
  /** All places but our own. */
  readonly others: readonly number[];
  #configuration: Configuration | undefined = undefined;
  /** Its members, by place: asked for with every row. */
  #members: (Member | undefined)[] = [];

  constructor(
    list: readonly ListedDaemon[],
    readonly self: number,
    readonly incarnation: bigint,
  ) {
    this.peers = list.map((d) => new Peer(d.place, d.name, list.length));
    this.peers[self]!.incarnation = incarnation;
    this.others = list.map((d) => d.place).filter((place) => place !== self);
  }

  get configuration(): Configuration | undefined {
    return this.#configuration;
  }

  set configuration(c: Configuration | undefined) {
    this.#configuration = c;
    this.#members = this.peers.map(({ place }) => c?.members.find((m) => m.place === place));
  }

  /** As whom that daemon is in our configuration, in whatever life. */
  member(place: number): Member | undefined {
    return this.#members[place];
  }

  /** Another member of our configuration, in whatever life. */
  isListed(place: number): boolean {
    return place !== this.self && this.#members[place] !== undefined;
  }

  /** It is a member of our configuration in the life we hear. */
  isMember(place: number): boolean {
    const m = this.#members[place];
    return m !== undefined && m.incarnation === this.peers[place]!.incarnation;
  }

  /**
   * Is our present life a member of its configuration, which is not older than ours? A life's configurations rise in time, so
   * an older one is one that we have left: who is still in it goes on without us, and we meet again by a merge.
   */
  holdsUs(row: Row): boolean {
    const us = row.entries.get(this.self);
    if (us === undefined || !us.member || us.incarnation !== this.incarnation) return false;
    return !this.configuration || !row.configuration || row.configuration.time >= this.configuration.id.time;
  }

  /** Its row shows a later configuration without us: it will not come back to ours. */
  gone(row: Row): boolean {
    const theirs = row.configuration;
    if (this.holdsUs(row)) return false;
    const ours = this.configuration;
    if (!theirs) return ours !== undefined;
    return !ours || (!sameId(theirs, ours.id) && theirs.time > ours.id.time);
  }

  /** Do these two hear each other? */
  edge(a: number, b: number): boolean {
    return this.#says(a, b) && this.#says(b, a);
  }

  #says(a: number, b: number): boolean {
    if (a === this.self) return this.peers[b]!.hears(this.now);
    const p = this.peers[a]!;
    // Of somebody we do not hear we know only what others say of it; the edge to us is missing anyway.
    if (!p.hears(this.now)) return b !== this.self;
    const said = p.row?.entries.get(b);
    return said?.hears === true && said.incarnation === this.peers[b]!.incarnation;
  }

  neighbours(): Peer[] {
    const c = this.configuration;
    if (!c || c.members.length < 2) return [];
    const n = c.members.length;
    const next = c.members[(c.self + 1) % n]!.place;
    const previous = c.members[(c.self + n - 1) % n]!.place;
    return (next === previous ? [next] : [next, previous]).map((p) => this.peers[p]!);
  }

  /** Every other whole configuration that has all its edges to all of ours, or daemon without one; none if ours lacks an edge. */
  joinable(): Joinable[] {
    const ours = this.#ours();
    const edge = (a: number, b: number): boolean => this.edge(a, b);
    if (!complete(ours, edge)) return [];
    const groups = new Map<string, number[]>();
    for (const p of this.peers) {
      if (p.place === this.self || this.isMember(p.place) || !p.hears(this.now) || !p.row) continue;
      if (this.now - p.rowAt > HEARING_LIMIT_MS) continue;
      const key = p.row.configuration ? idText(p.row.configuration) : `${p.name} ${p.incarnation}`;
      const g = groups.get(key);
      if (g) g.push(p.place);
      else groups.set(key, [p.place]);
    }
    return [...groups]
      .filter(([, places]) => this.#whole(places) && complete(merged(ours, places), edge))
      .map(([key, places]) => ({ key, places }));
  }

  /** Our members and, of these, every one that has all its edges to all before it. */
  joint(groups: readonly Joinable[]): number[] {
    let joint = this.#ours();
    for (const { places } of groups) {
      const both = merged(joint, places);
      if (complete(both, (a, b) => this.edge(a, b))) joint = both;
    }
    return joint;
  }

  #ours(): number[] {
    return this.configuration?.members.map((m) => m.place) ?? [this.self];
  }

  /** Does the group hold every member that its rows name? A part of a configuration is never taken out of it. */
  #whole(group: readonly number[]): boolean {
    for (const p of group)
      for (const e of this.peers[p]!.row!.entries.values())
        if (
          e.member &&
          e.place !== p &&
          !(group.includes(e.place) && this.peers[e.place]!.incarnation === e.incarnation)
        )
          return false;
    return true;
  }
}
