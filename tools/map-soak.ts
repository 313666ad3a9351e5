// `npm run map-soak`: the replicated map of the examples with three members on three real daemons, which are killed,
// restarted and parted at random; after each healing all maps must be equal (docs/client-library.md, "State transfer").
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { connect } from '../client-apis/binary/client/index.js';
import { ControlClient } from '../core/runtime/control-client.js';
import { ReplicatedMap } from '../examples/replicated-map.js';
import { Farm, type Daemon, type LinkName, LINKS, sectionsOf } from '../test/e2e/processes.js';
import { Random } from '../test/sim/random.js';

interface Flags {
  readonly seed: string;
  readonly minutes: string;
  readonly link: LinkName;
  readonly json?: boolean;
}

interface Member {
  readonly daemon: Daemon;
  readonly map: ReplicatedMap;
  writes: number;
}

const GROUP = 'map';
const MERGE_LIMIT_MS = 60_000;
const STORM_LOW_MS = 2000;
const STORM_HIGH_MS = 8000;
const WRITE_EVERY_MS = 4;
const KEYS = 200;

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

async function cut(farm: Farm, d: Daemon, from: readonly string[]): Promise<void> {
  const control = await ControlClient.connect(join(farm.dir, d.name));
  await control.call(
    'fault',
    from.length > 0 ? { set: { cut_to: from.join(', '), cut_from: from.join(', ') } } : { clear: true },
  );
  control.close();
}

class Soak {
  private readonly r: Random;
  private members: Member[] = [];
  private writing = false;
  readonly total = { rounds: 0, kills: 0, partitions: 0, writes: 0, merges: 0, unequal: 0, slowestMergeMs: 0 };

  constructor(
    seed: number,
    private readonly farm: Farm,
  ) {
    this.r = new Random(seed, 'map');
  }

  async run(until: number): Promise<void> {
    await this.farm.start();
    for (const [i, daemon] of this.farm.daemons.entries()) {
      const session = await connect({
        port: daemon.port,
        name: `m${i}`,
        reconnect: { longestMs: 500 },
        nameRetries: 100,
      });
      this.members.push({ daemon, map: new ReplicatedMap(session, GROUP), writes: 0 });
    }
    await this.merged('start');
    do {
      this.total.rounds++;
      await this.storm();
      await this.merged(`round ${this.total.rounds}`);
    } while (Date.now() < until);
    await Promise.all(this.members.map((m) => m.map.group.disconnect()));
  }

  /** Writes everywhere while daemons are parted and killed; at the end all of them work and reach each other. */
  private async storm(): Promise<void> {
    this.writing = true;
    const writers = this.write();
    const until = Date.now() + this.r.between(STORM_LOW_MS, STORM_HIGH_MS);
    const names = this.farm.daemons.map((d) => d.name);
    const dead = new Set<Daemon>();
    while (Date.now() < until) {
      await sleep(this.r.between(200, 1500));
      const d = this.r.pick(this.farm.daemons);
      if (dead.has(d)) {
        await d.start();
        dead.delete(d);
      } else if (this.r.chance(350)) {
        this.total.kills++;
        await d.end('SIGKILL');
        dead.add(d);
      } else {
        this.total.partitions++;
        await cut(this.farm, d, this.r.chance(300) ? [] : names.filter((n) => n !== d.name));
      }
    }
    this.writing = false;
    await writers;
    for (const d of this.farm.daemons)
      if (dead.has(d)) await d.start();
      else await cut(this.farm, d, []);
  }

  private async write(): Promise<void> {
    while (this.writing) {
      for (const m of this.members) {
        if (!m.map.group.session.connected || !m.map.group.session.writable) continue;
        const key = `k${this.r.below(KEYS)}`;
        if (this.r.chance(100)) m.map.delete(key);
        else m.map.set(key, `${m.daemon.name} ${++m.writes}`);
        this.total.writes++;
      }
      await sleep(WRITE_EVERY_MS);
    }
  }

  /** All in one view, whole, and equal behind a last word of each. */
  private async merged(what: string): Promise<void> {
    const began = performance.now();
    const late = (): boolean => performance.now() - began > MERGE_LIMIT_MS;
    const together = (): boolean =>
      this.members.every(({ map: { group } }) => group.complete && group.view?.members.length === this.members.length);
    while (!together()) {
      if (late()) throw new Error(`${what}: not together after ${MERGE_LIMIT_MS} ms: ${this.told()}`);
      await sleep(5);
    }
    const mergeMs = Math.round(performance.now() - began);
    const words = this.members.map((m, i) => [`last-${i}`, `${what} of ${m.daemon.name}`] as const);
    this.members.forEach((m, i) => m.map.set(...words[i]!));
    while (!this.members.every(({ map }) => words.every(([k, v]) => map.get(k) === v))) {
      if (late()) throw new Error(`${what}: last words do not arrive: ${this.told()}`);
      await sleep(5);
    }
    const all = this.members.map(({ map }) => JSON.stringify(map.all()));
    const equal = all.every((a) => a === all[0]);
    this.total.merges++;
    this.total.slowestMergeMs = Math.max(this.total.slowestMergeMs, mergeMs);
    if (!equal) this.total.unequal++;
    console.error(
      `${what}: together after ${mergeMs} ms, ${equal ? 'equal' : 'NOT EQUAL'}, ${this.total.writes} writes so far`,
    );
  }

  private told(): string {
    return this.members
      .map(
        ({ daemon, map: { group } }) =>
          `${daemon.name} ${group.complete ? 'whole' : 'waits'} [${group.view?.members.join(' ') ?? ''}]`,
      )
      .join(', ');
  }
}

const o = new Command('map-soak')
  .description('A replicated map on three real daemons, parted and killed at random: equal after each merge?')
  .option('--seed <n>', 'of what goes wrong', '1')
  .option('--minutes <m>', 'how long', '10')
  .addOption(new Option('--link <name>', 'what carries the configuration').choices(LINKS).default('tcp'))
  .option('--json', 'last line: one JSON object of figures')
  .parse()
  .opts<Flags>();
const farm = await Farm.create({ daemons: 3, sections: sectionsOf(o.link, true) });
const soak = new Soak(Number(o.seed), farm);
let failed: unknown;
try {
  await soak.run(Date.now() + Number(o.minutes) * 60_000);
} catch (e) {
  failed = e;
  console.error(String(e));
} finally {
  await farm.destroy();
}
console.log(o.json ? JSON.stringify(soak.total) : soak.total);
process.exit(failed === undefined && soak.total.unequal === 0 ? 0 : 1);
