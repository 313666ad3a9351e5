// Judges of flooding sites at rest (docs/design/flood.md, section 13): every update exported or listed as missing, memberships
// and topologies equal and k-connected, queues empty, storage within its limit.
import type { FloodMachine } from '../../../plugins/service/flood/machine/types.js';
import { isKConnected } from '../../../plugins/service/flood/topology/connectivity.js';
import { idText, type Ledger, type Submitted } from './ledger.js';
import type { World } from './settings.js';
import type { Site } from './site.js';

export type Violate = (guarantee: string, detail: string) => void;

/** A site that runs, with the lives whose exports it remembers. */
export interface Live {
  readonly site: Site;
  readonly machine: FloodMachine;
  readonly lives: readonly string[];
}

const LISTED = 5;
const some = (all: readonly string[]): string =>
  `${all.slice(0, LISTED).join('; ')}${all.length > LISTED ? ` and ${all.length - LISTED} more` : ''}`;

/** Numbers of one life of one origin that a site has seen, by its own account. */
function seenOf(machine: FloodMachine, group: string): (u: Submitted) => boolean {
  const lines = new Map(machine.have(group)!.map((h) => [`${h.origin} ${h.incarnation}`, h]));
  return ({ id }) => {
    const h = lines.get(`${id.origin} ${id.incarnation}`);
    if (h === undefined) return false;
    return id.sequence <= h.lowWater || h.ranges.some(([a, b]) => id.sequence >= a && id.sequence <= b);
  };
}

function missingOf(machine: FloodMachine, group: string): (u: Submitted) => boolean {
  const all = machine.missing(group)!;
  return ({ id }) =>
    all.some(
      (m) =>
        m.origin === id.origin && m.incarnation === id.incarnation && id.sequence >= m.first && id.sequence <= m.last,
    );
}

/** What some living site of the group has seen is exported here, or listed. */
export function judgeUpdates(
  world: World,
  live: readonly Live[],
  ledger: Ledger,
  sinceMs: number,
  violate: Violate,
): void {
  const recent = [...ledger.submitted.values()].filter((u) => u.atMs >= sinceMs);
  for (const g of world.groups) {
    const members = live.filter((l) => g.members.includes(l.site.place));
    const inScope = recent.filter((u) => u.scope === '*' || u.scope === g.name);
    const seen = new Map(members.map((l) => [l, seenOf(l.machine, g.name)]));
    for (const here of togetherIn(g.name, members, world.names[g.members[0]!]!)) {
      const known = inScope.filter((u) => here.some((l) => seen.get(l)!(u)));
      for (const l of here) judgeSite(l, g.name, known, ledger, violate);
    }
  }
}

function judgeSite(l: Live, group: string, known: readonly Submitted[], ledger: Ledger, violate: Violate): void {
  const listed = missingOf(l.machine, group);
  const exported = (u: Submitted): boolean => l.lives.some((life) => ledger.done(life, idText(u.id)));
  const tell = (all: readonly Submitted[]): string => some(all.map((u) => idText(u.id)));
  const lost = known.filter((u) => !exported(u) && !listed(u));
  if (lost.length > 0)
    violate('nothing lost silently', `${l.site.name} neither exported nor lists in ${group}: ${tell(lost)}`);
  const both = known.filter((u) => listed(u) && ledger.done(l.lives.at(-1)!, idText(u.id)));
  if (both.length > 0) violate('missing is true', `${l.site.name} exported and lists in ${group}: ${tell(both)}`);
}

/**
 * Sites that can hear of each other. All, while the master lives; without it nobody mends the topology, and who it left apart
 * stays apart.
 */
function togetherIn(group: string, members: readonly Live[], master: string): readonly (readonly Live[])[] {
  if (members.some((l) => l.site.name === master)) return [members];
  const edges = members.flatMap((l) =>
    l.machine.topology(group)!.edges.filter((e) => e.a === l.site.name || e.b === l.site.name),
  );
  const left = new Set(members);
  const parts: Live[][] = [];
  for (const first of members) {
    if (!left.delete(first)) continue;
    const part = [first];
    for (const l of part)
      for (const o of [...left]) {
        const joined = edges.some(
          (e) => (e.a === l.site.name && e.b === o.site.name) || (e.b === l.site.name && e.a === o.site.name),
        );
        if (joined && left.delete(o)) part.push(o);
      }
    parts.push(part);
  }
  return parts;
}

/** Nothing happened that may cost an update, be it that somebody was down for long: all are exported everywhere and none is listed. */
export function judgeGentle(
  world: World,
  live: readonly Live[],
  ledger: Ledger,
  sinceMs: number,
  violate: Violate,
): void {
  const sent = [...ledger.submitted.values()].filter((u) => u.atMs >= sinceMs);
  judgeCalm(world, live, ledger, sent, violate);
  for (const g of world.groups)
    for (const l of live) {
      const missing = l.machine.missing(g.name);
      if (missing === undefined) continue;
      const listed = missingOf(l.machine, g.name);
      const wrongly = sent.filter(listed);
      if (wrongly.length > 0)
        violate(
          'missing is true',
          `${l.site.name} lists in ${g.name}: ${some(wrongly.map((u) => `${idText(u.id)} of ${u.scope}`))}`,
        );
    }
}

/** What was sent in a calm is exported at every site that scope reaches. */
export function judgeCalm(
  world: World,
  live: readonly Live[],
  ledger: Ledger,
  sent: readonly Submitted[],
  violate: Violate,
): void {
  for (const l of live) {
    const place = l.site.place;
    const own = world.groups.filter((g) => g.members.includes(place)).map((g) => g.name);
    const lost = sent.filter(
      (u) => (u.scope === '*' || own.includes(u.scope)) && !l.lives.some((life) => ledger.done(life, idText(u.id))),
    );
    if (lost.length > 0)
      violate(
        'delivery in a calm',
        `${l.site.name} never exported: ${some(lost.map((u) => `${idText(u.id)} of ${u.scope}`))}`,
      );
  }
}

/** Members and topology where the master lives. */
export function judgeGroups(world: World, live: readonly Live[], violate: Violate): void {
  for (const g of world.groups) {
    const here = live.filter((l) => g.members.includes(l.site.place));
    const master = here.find((l) => l.site.place === g.members[0]);
    if (master === undefined) continue;
    const expected = here.map((l) => l.site.name).sort();
    const first = master.machine.groups().find((s) => s.name === g.name)!;
    for (const l of here) {
      const members = l.machine.members(g.name)!.map((m) => m.site.name);
      if (members.join() !== expected.join())
        violate(
          'memberships equal',
          `${l.site.name} has ${members.join(' ')} in ${g.name}, living are ${expected.join(' ')}`,
        );
      const s = l.machine.groups().find((x) => x.name === g.name)!;
      if (s.epoch !== first.epoch || s.topologyNumber !== first.topologyNumber)
        violate(
          'one topology',
          `${l.site.name} has epoch ${s.epoch} number ${s.topologyNumber} of ${g.name}, the master ${first.epoch} number ${first.topologyNumber}`,
        );
    }
    judgeTopology(g.name, master, expected, violate);
  }
}

function judgeTopology(group: string, master: Live, expected: readonly string[], violate: Violate): void {
  const place = new Map(expected.map((name, i) => [name, i]));
  const { edges } = master.machine.topology(group)!;
  const strangers = edges.filter((e) => !place.has(e.a) || !place.has(e.b));
  if (strangers.length > 0)
    violate('topology', `edges of ${group} to sites that do not live: ${JSON.stringify(strangers[0])}`);
  else {
    const wanted = master.site.settings.groups.find((g) => g.name === group)!.connectivity;
    const k = Math.min(wanted, expected.length - 1);
    const pairs = edges.map((e) => [place.get(e.a)!, place.get(e.b)!] as const);
    if (!isKConnected(expected.length, pairs, k))
      violate('topology', `the topology of ${group} with ${expected.length} members is not ${k}-connected`);
  }
}

/** Nothing is left under way, everybody is up, and the links of the topology stand. */
export function judgeRest(world: World, live: readonly Live[], mastersLive: boolean, violate: Violate): void {
  for (const { site, machine } of live) {
    const s = machine.statistics();
    if (s.queuedExport !== 0) violate('rest', `${site.name} still has ${s.queuedExport} updates to export`);
    if (mastersLive && s.queuedSend !== 0) violate('rest', `${site.name} still has ${s.queuedSend} updates to send`);
    if (mastersLive && s.queuedSend === 0 && s.queuedExport === 0 && s.bytesStored !== 0)
      violate('rest', `${site.name} stores ${s.bytesStored} bytes for nobody`);
    // Without its master a group may be left in parts that do not hear of each other.
    for (const g of mastersLive ? world.groups : []) {
      for (const m of machine.members(g.name) ?? [])
        if (m.state === 'down' && live.some((l) => l.site.name === m.site.name))
          violate('rest', `${site.name} takes ${m.site.name}, which lives, to be down`);
    }
  }
}

/** Storage and connections stay within their limits at any time. */
export function judgeLimits(live: readonly Live[], openAt: (place: number) => number, violate: Violate): void {
  for (const { site, machine } of live) {
    const s = machine.statistics();
    if (s.bytesStored > s.dataStorageMax)
      violate('storage limit', `${site.name} stores ${s.bytesStored} bytes, at most ${s.dataStorageMax}`);
    const open = openAt(site.place);
    if (open > CONNECTIONS_OF_A_SITE) violate('connections', `${site.name} has ${open} connections open`);
  }
}

/** Links, drains, probes, joins of twelve sites and what is being closed: far above it something leaks. */
const CONNECTIONS_OF_A_SITE = 120;
