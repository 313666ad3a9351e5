// Real sites under load and in trouble, and the judgement afterwards (docs/floodd.md): every update that a site has
// acknowledged was exported by every site, whatever happened to it meanwhile, unless storage was full: what is counted as
// dropped may be listed as missing; none twice by one life of a site; all agree on the members, and the topology is as
// connected as was asked for.
import { isKConnected } from '../../plugins/service/flood/topology/connectivity.js';
import type { Edge } from '../../plugins/service/flood/topology/graph.js';
import type { LineClient } from '../../client-apis/line/client/index.js';
import { Random } from '../sim/random.js';
import { FloodFarm, type FloodSite, GROUP } from './flood-farm.js';
import { type Growth, Witness } from './resources.js';

/** Kinds of trouble. */
export const TROUBLES = ['kill', 'two-kills', 'freeze', 'silence', 'refusal', 'master-kill', 'stop'] as const;
export type Trouble = (typeof TROUBLES)[number];

export interface TrialOptions {
  readonly sites: number;
  readonly connectivity: number;
  readonly updates: number;
  /** One after the other, while updates come in; absent: drawn until `minutes` are over. */
  readonly troubles?: readonly Trouble[];
  readonly minutes?: number;
  readonly seed: number;
  /** How long one trouble lasts, milliseconds. */
  readonly troubleMs: number;
  /** How often the topology is made anew, milliseconds; each leaves out who is down. */
  readonly updatePeriodMs: number;
  readonly say: (line: string) => void;
}

export interface TrialFigures {
  readonly sites: number;
  readonly connectivity: number;
  readonly acknowledged: number;
  readonly troubles: Readonly<Record<string, number>>;
  readonly exports: number;
  /** Exported again by a later life of the same site: what it was about to note when it was killed. */
  readonly repeatedByALaterLife: number;
  /** Pairs of update and site that were not exported there: the site lists them as missing. At most what was dropped. */
  readonly listedMissing: number;
  readonly dropped: number;
  readonly duplicatesOnLinks: number;
  readonly edges: number;
  readonly quietAfterMs: number;
  /** Of each site, whichever life it was in: medians of the first and of the last third of the looks after each trouble. */
  readonly memory: Readonly<Record<string, Growth>>;
  readonly violations: readonly string[];
}

/** To settle after the last trouble, milliseconds; only what never comes takes so long. */
const QUIET_LIMIT_MS = 120_000;
const UPDATE_BYTES = 100;
const CLIENTS = 4;
/** Between two updates of a soak, milliseconds. */
const SOAK_PACE_MS = 10;
const VIOLATIONS_SHOWN = 20;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Rejects when the sites do not even start; everything else is in the figures. */
export async function trial(o: TrialOptions): Promise<TrialFigures> {
  const group = { update_period_ms: String(o.updatePeriodMs) };
  const farm = await FloodFarm.create({ sites: o.sites, connectivity: o.connectivity, group });
  try {
    await farm.start();
    return await new Trial(farm, o).run();
  } finally {
    await farm.destroy();
  }
}

class Trial {
  private readonly r: Random;
  private readonly acknowledged: string[] = [];
  private readonly violations: string[] = [];
  private readonly troubles: Record<string, number> = {};
  private readonly witnesses = new Map<string, Witness>();
  private loading = true;
  private handedIn = 0;

  constructor(
    private readonly farm: FloodFarm,
    private readonly o: TrialOptions,
  ) {
    this.r = new Random(o.seed, 'floodd');
  }

  async run(): Promise<TrialFigures> {
    await this.settled('at the start');
    const load = Promise.all(Array.from({ length: CLIENTS }, (_, i) => this.load(i)));
    const until = Date.now() + (this.o.minutes ?? 0) * 60_000;
    if (this.o.troubles !== undefined) for (const trouble of this.o.troubles) await this.trouble(trouble);
    else while (Date.now() < until) await this.trouble(this.r.pick(TROUBLES));
    // The load ends with its number, or in a soak with the time.
    if (this.o.troubles === undefined) this.loading = false;
    await load;
    this.o.say(`${this.acknowledged.length} updates were taken`);
    const began = Date.now();
    await this.settled('at the end');
    const quietAfterMs = Date.now() - began;
    return this.judge(quietAfterMs);
  }

  // ---- load ----------------------------------------------------------------------------------------------------

  /** One client that goes to another site whenever its own is gone. */
  private async load(number: number): Promise<void> {
    while (this.loading && this.handedIn < this.o.updates) {
      const site = this.r.pick(this.farm.running);
      let client: LineClient | undefined;
      try {
        client = await site.client();
        await this.feed(client, number);
      } catch {
        // The site was killed: what was on its way counts only when it was acknowledged.
        await sleep(50);
      } finally {
        await client?.close().catch(() => undefined);
      }
    }
  }

  private async feed(client: LineClient, number: number): Promise<void> {
    const { troubles, troubleMs, updates } = this.o;
    const loadMs = troubles === undefined ? 0 : troubles.length * 2 * troubleMs;
    const paceMs = CLIENTS * (troubles === undefined ? SOAK_PACE_MS : loadMs / updates);
    for (let i = 0; i < 200 && this.loading && this.handedIn < this.o.updates; i++) {
      this.handedIn++;
      const text = `client ${number} update ${this.handedIn} `.padEnd(UPDATE_BYTES - 1, '.') + '\n';
      const answer = await withLimit(client.flood(Buffer.from(text)), 5000);
      this.acknowledged.push(`${answer.origin} ${answer.incarnation} ${answer.sequence}`);
      await sleep(paceMs);
    }
  }

  // ---- trouble -------------------------------------------------------------------------------------------------

  private async trouble(kind: Trouble): Promise<void> {
    this.troubles[kind] = (this.troubles[kind] ?? 0) + 1;
    const { farm, r } = this;
    const others = farm.sites.slice(1);
    const lasting = this.o.troubleMs;
    this.o.say(kind);
    switch (kind) {
      case 'kill':
        await this.killed([r.pick(others)], 'SIGKILL', lasting);
        break;
      case 'stop':
        await this.killed([r.pick(others)], 'SIGTERM', lasting);
        break;
      case 'two-kills': {
        const [a, b] = r.shuffled(others);
        await this.killed([a!, b!], 'SIGKILL', lasting);
        break;
      }
      case 'master-kill':
        await this.killed([farm.master], 'SIGKILL', lasting);
        break;
      case 'freeze': {
        const site = r.pick(others);
        site.freeze(true);
        await sleep(lasting);
        site.freeze(false);
        break;
      }
      case 'silence':
      case 'refusal':
        await farm.part(
          r.shuffled(farm.sites).slice(0, Math.floor(farm.sites.length / 2)),
          kind === 'silence' ? 'silent' : 'refused',
        );
        await sleep(lasting);
        await farm.heal();
        break;
    }
    await sleep(lasting);
    for (const { name, process } of farm.sites) this.witness(name).look(process!.pid!);
  }

  private witness(name: string): Witness {
    let w = this.witnesses.get(name);
    if (w === undefined) this.witnesses.set(name, (w = new Witness()));
    return w;
  }

  private async killed(sites: readonly FloodSite[], signal: NodeJS.Signals, ms: number): Promise<void> {
    const how = await Promise.all(sites.map((s) => s.end(signal)));
    if (signal === 'SIGTERM' && how.some((h) => h !== 0)) this.violations.push(`a site stopped with ${how.join(', ')}`);
    await sleep(ms);
    await Promise.all(sites.map((s) => s.start()));
  }

  // ---- judgement -----------------------------------------------------------------------------------------------

  /** All up at all, one topology everywhere, no queue. */
  private async settled(when: string): Promise<void> {
    const until = Date.now() + QUIET_LIMIT_MS;
    for (let quiet = 0; quiet < 3;) {
      const restless = await this.restless();
      quiet = restless === undefined ? quiet + 1 : 0;
      if (Date.now() > until) {
        this.violations.push(`not settled ${when}: ${restless ?? 'again and again'}`);
        return;
      }
      await sleep(200);
    }
  }

  /** What is not as it should be in the end; undefined: nothing. */
  private async restless(): Promise<string | undefined> {
    const topologies = new Set<string>();
    for (const site of this.farm.sites) {
      let client: LineClient | undefined;
      try {
        client = await site.client();
        const members = await client.group(GROUP);
        const wrong = members.filter((m) => m.state !== 'up' && m.state !== 'self').map((m) => `${m.site} ${m.state}`);
        if (members.length !== this.o.sites || wrong.length > 0)
          return `${site.name} has ${members.length} members, ${wrong.join(', ')}`;
        const { epoch, number, generator } = await client.topology(GROUP);
        if (generator === 'bootstrap') return `${site.name} has no topology`;
        topologies.add(`${epoch} ${number}`);
        const counts = await client.statistics();
        if (Number(counts['queued-send']) + Number(counts['queued-export']) > 0)
          return `${site.name} has ${String(counts['queued-send'])} to send, ${String(counts['queued-export'])} to export`;
      } catch (error) {
        return `${site.name}: ${String(error)}`;
      } finally {
        await client?.close().catch(() => undefined);
      }
    }
    return topologies.size === 1 ? undefined : `topologies ${[...topologies].join(', ')}`;
  }

  private async judge(quietAfterMs: number): Promise<TrialFigures> {
    const figures = { exports: 0, repeatedByALaterLife: 0, listedMissing: 0, dropped: 0, duplicatesOnLinks: 0 };
    for (const site of this.farm.sites) await this.judgeSite(site, figures);
    if (figures.listedMissing > figures.dropped)
      this.violations.push(`${figures.listedMissing} are missing somewhere, and ${figures.dropped} were dropped`);
    const edges = await this.judgeTopology();
    const { sites, connectivity } = this.o;
    const acknowledged = this.acknowledged.length;
    if (new Set(this.acknowledged).size !== acknowledged) this.violations.push('an identifier was given twice');
    const violations = this.violations.slice(0, VIOLATIONS_SHOWN);
    const memory = Object.fromEntries([...this.witnesses].map(([name, w]) => [name, w.growth()]));
    const { troubles } = this;
    return { sites, connectivity, acknowledged, troubles, ...figures, edges, quietAfterMs, memory, violations };
  }

  private async judgeSite(
    site: FloodSite,
    figures: {
      exports: number;
      repeatedByALaterLife: number;
      listedMissing: number;
      dropped: number;
      duplicatesOnLinks: number;
    },
  ): Promise<void> {
    const lives = new Map<string, number>();
    for (const { id, life } of await site.exported()) {
      figures.exports++;
      const before = lives.get(id);
      if (before === life) this.violations.push(`${site.name} exported ${id} twice in one life`);
      else if (before !== undefined) figures.repeatedByALaterLife++;
      lives.set(id, life);
    }
    const client = await site.client();
    const missing = missingOf((await client.command(`missing ${GROUP}`)).lines);
    const counts = await client.statistics();
    await client.close();
    for (const name of ['dropped-down', 'dropped-send', 'dropped-export']) figures.dropped += Number(counts[name]);
    figures.duplicatesOnLinks += Number(counts['duplicates']);
    for (const id of this.acknowledged) {
      if (lives.has(id)) continue;
      if (missing(id)) figures.listedMissing++;
      else this.violations.push(`${site.name} has neither exported ${id} nor does it list it as missing`);
    }
  }

  private async judgeTopology(): Promise<number> {
    const client = await this.farm.master.client();
    const { edges } = await client.topology(GROUP);
    await client.close();
    const place = (name: string): number => this.farm.sites.findIndex((s) => s.name === name);
    const list = edges.map((e): Edge => [place(e.a), place(e.b)]);
    const k = Math.min(this.o.connectivity, this.o.sites - 1);
    if (!isKConnected(this.o.sites, list, k)) this.violations.push(`the topology is not ${k}-connected`);
    return list.length;
  }
}

/** Is that identifier in the lines of `missing`? */
function missingOf(lines: readonly string[]): (id: string) => boolean {
  const ranges = lines.flatMap((line) => {
    const [, origin, incarnation, first, last] = /^(\S+) (\d+) (\d+)-(\d+) \S+$/.exec(line) ?? [];
    return origin === undefined ? [] : [{ of: `${origin} ${incarnation!}`, first: Number(first), last: Number(last) }];
  });
  return (id) => {
    const at = id.lastIndexOf(' ');
    const n = Number(id.slice(at + 1));
    return ranges.some((r) => r.of === id.slice(0, at) && r.first <= n && n <= r.last);
  };
}

function withLimit<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), ms);
  });
  work.catch(() => undefined);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
