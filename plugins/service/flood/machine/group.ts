// What a site knows of one group: members by the master's list, the topology in force, what every site measured last, and
// what was seen of each origin. Data and questions; who changes it is membership.ts, topology.ts and flooding.ts.
import type { Estimates, Members, Topology } from '../wire/frames.js';
import type { ReceivedLog } from './received.js';
import type { GroupSettings } from './settings.js';

export interface Group {
  readonly settings: GroupSettings;
  readonly name: string;
  readonly isMaster: boolean;
  /** Of the list that was adopted; 0: none, `members` are then the sites that came in. */
  epoch: number;
  version: number;
  readonly members: Set<string>;
  /** Newest lists heard of, adopted or not: what is not newer is not passed on. What joining sites are told. */
  latestMembers: Members | undefined;
  latestTopology: Topology | undefined;
  /** In force here. */
  topology: Topology | undefined;
  /** Sites whose JOIN came: neighbours until there is a topology. */
  readonly joined: Set<string>;
  /** Latest of each site, our own included. */
  readonly estimates: Map<string, Estimates>;
  readonly log: ReceivedLog;
}

/** Compares (epoch, version) or (epoch, number) pairs. */
export function isNewer(epoch: number, n: number, thanEpoch: number, thanN: number): boolean {
  return epoch > thanEpoch || (epoch === thanEpoch && n > thanN);
}

/** With whom this site shall have links for that group, whether they live or not. */
export function neighboursOf(g: Group, self: string): ReadonlySet<string> {
  const found = new Set<string>();
  if (g.topology === undefined) {
    found.add(g.settings.masterSite);
    for (const s of g.settings.sites) found.add(s);
    for (const s of g.joined) found.add(s);
  } else
    for (const { a, b } of g.topology.edges)
      if (a === self) found.add(b);
      else if (b === self) found.add(a);
  found.delete(self);
  return found;
}
