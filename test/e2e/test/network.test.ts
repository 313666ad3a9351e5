// Network changes as clients of three real daemons see them: items 38 to 43 of the measured client protocol (kill, merge,
// partition, SAFE in flight), judged frame by frame and by the simulator's checkers.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Service } from '../../../core/wire/frame.js';
import { ControlClient } from '../../../core/runtime/control-client.js';
import { Checkers, PEAL_OPTIONS } from '../../sim/checkers.js';
import type { TraceEvent } from '../../sim/trace.js';
import { Farm } from '../processes.js';
import { Recorder, TracedClient } from '../traced-client.js';
import { join } from 'node:path';

const SECTIONS = [
  '[link.faulty]\nwraps = tcp\n[link.tcp]',
  '[client.binary]\nport = ${peer.client_port}\nunix_socket = off',
].join('\n');
/** Only catches a hang. */
const LIMIT_MS = 40_000;

let farm: Farm;
let recorder: Recorder;
let checkers: Checkers;
let seen: TraceEvent[];
let clients: TracedClient[];

beforeEach(async () => {
  farm = await Farm.create({ daemons: 3, sections: SECTIONS });
  seen = [];
  clients = [];
  checkers = new Checkers(PEAL_OPTIONS);
  recorder = new Recorder((e) => {
    seen.push(e);
    checkers.add(e);
  });
  recorder.emit({ t: 0, event: 'cluster', daemons: farm.daemons.map((d) => d.name) });
  await farm.start();
  for (const d of farm.daemons) recorder.emit({ t: 0, event: 'boot', daemon: d.name, incarnation: '1' });
}, LIMIT_MS);

afterEach(async () => {
  for (const c of clients) c.destroy();
  await farm.destroy();
  expect(checkers.finish()).toEqual([]);
}, LIMIT_MS);

async function member(daemon: number, name: string, ...groups: string[]): Promise<TracedClient> {
  const c = await TracedClient.connect(recorder, farm.daemons[daemon]!, name);
  clients.push(c);
  for (const g of groups) c.join(g);
  return c;
}

async function until(done: () => boolean): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!done()) {
    if (Date.now() > end) throw new Error(`it never came; ${shown(seen.slice(-20)).join('\n')}`);
    await new Promise((r) => setTimeout(r, 5));
  }
}

const sees = (c: TracedClient, group: string, n: number): boolean => c.views.get(group)?.length === n;
const short = (name: string): string => name.split('#')[1] ?? name;

/** What a session saw from event `from` on, ids left out. */
function shown(events: readonly TraceEvent[], uid?: number): string[] {
  return events.flatMap((e) => {
    if (!('session' in e) || (uid !== undefined && e.session !== uid)) return [];
    if (e.event === 'transition') return [`${e.group} transition`];
    if (e.event === 'deliver') return [`message ${e.id}`];
    if (e.event !== 'view') return [];
    const sets = e.sets.map((s, i) => (i === e.own ? '*' : '') + s.map(short).join(' ')).join(' | ');
    return [`${e.group} ${e.cause}: ${e.members.map(short).join(' ')} [${sets}]`];
  });
}

async function fault(daemon: number, args: object): Promise<void> {
  const control = await ControlClient.connect(join(farm.dir, farm.daemons[daemon]!.name));
  await control.call('fault', { ...args });
  control.close();
}

describe('three daemons', () => {
  test('items 38 and 39: a killed daemon; a daemon that brings no members', async () => {
    const a1 = await member(0, 'a1', 'g', 'h');
    const a2 = await member(0, 'a2', 'g');
    const b1 = await member(1, 'b1', 'g');
    await member(2, 'c1', 'g');
    await until(() => [a1, a2, b1].every((c) => sees(c, 'g', 4)));
    const from = seen.length;
    await farm.daemons[2]!.end('SIGKILL');
    await until(() => [a1, a2, b1].every((c) => sees(c, 'g', 3)));
    recorder.emit({ t: recorder.now, event: 'crash', daemon: 'gamma', incarnation: '1' });
    const expected = ['g transition', 'g network: a1 a2 b1 [*a1 a2 b1]'];
    for (const c of [a1, a2, b1]) expect(shown(seen.slice(from), c.uid)).toEqual(expected);
    // It comes back without members of g: nobody hears anything until its first join.
    const back = seen.length;
    await farm.daemons[2]!.start();
    recorder.emit({ t: recorder.now, event: 'boot', daemon: 'gamma', incarnation: '2' });
    await member(2, 'c2', 'elsewhere', 'g');
    await until(() => sees(a1, 'g', 4));
    expect(shown(seen.slice(back), a1.uid).at(-1)).toMatch(
      /^g (join: a1 a2 b1 c2 \[\*c2]|network: a1 a2 b1 c2 \[\*a1 a2 b1 \| c2])$/,
    );
    expect(shown(seen.slice(back), a1.uid)).toHaveLength(1);
  }, 120_000);

  test('items 40, 42 and 43: three ways apart and together again', async () => {
    const a = await member(0, 'a', 'g');
    const aa = await member(0, 'aa', 'g');
    const b = await member(1, 'b', 'g');
    const c = await member(2, 'c', 'g');
    await until(() => [a, aa, b, c].every((x) => sees(x, 'g', 4)));
    // The turn stays with the last sender: what alpha's client sends next gets its place at once.
    a.multicast(Service.AGREED, ['g'], 10);
    await until(() => seen.filter((e) => e.event === 'deliver').length === 4);
    const from = seen.length;
    await fault(0, { set: { cut_to: 'beta, gamma', cut_from: 'beta, gamma' } });
    await fault(1, { set: { cut_to: 'gamma', cut_from: 'gamma' } });
    // Sent while the cut is there and not yet noticed: nobody can know that all have it.
    a.multicast(Service.SAFE, ['g'], 100);
    await until(() => sees(a, 'g', 2) && sees(aa, 'g', 2) && sees(b, 'g', 1) && sees(c, 'g', 1));
    const safe = `message ${recorder.sent.length - 1}`;
    expect(shown(seen.slice(from), a.uid)).toEqual(['g transition', safe, 'g network: a aa [*a aa]']);
    expect(shown(seen.slice(from), aa.uid)).toEqual(['g transition', safe, 'g network: a aa [*a aa]']);
    expect(shown(seen.slice(from), b.uid)).toEqual(['g transition', 'g network: b [*b]']);
    b.multicast(Service.AGREED, ['g'], 50);
    const apart = seen.length;
    await fault(0, { clear: true });
    await fault(1, { clear: true });
    await until(() => [a, aa, b, c].every((x) => sees(x, 'g', 4)));
    const views = (x: TracedClient): string[] =>
      shown(seen.slice(apart), x.uid).filter((line) => line.includes('network'));
    expect(views(a).at(-1)).toContain('network: a aa b c');
    expect(shown(seen.slice(apart)).filter((line) => line.endsWith('transition'))).toEqual([]);
    const together = seen.length;
    c.multicast(Service.AGREED, ['g'], 50);
    await until(() => [a, aa, b, c].every((x) => shown(seen.slice(together), x.uid).length === 1));
  }, 120_000);

  test('item 41: a frozen daemon goes through both changes', async () => {
    const a = await member(0, 'a', 'g');
    const b = await member(1, 'b', 'g');
    await until(() => [a, b].every((x) => sees(x, 'g', 2)));
    const from = seen.length;
    farm.daemons[1]!.signal('SIGSTOP');
    await until(() => sees(a, 'g', 1));
    farm.daemons[1]!.signal('SIGCONT');
    await until(() => sees(a, 'g', 2) && shown(seen.slice(from), b.uid).at(-1)?.includes('a b') === true);
    expect(shown(seen.slice(from), a.uid)).toEqual(['g transition', 'g network: a [*a]', 'g network: a b [*a | b]']);
    const ofB = shown(seen.slice(from), b.uid);
    expect([ofB[0], ofB.at(-1)]).toEqual(['g transition', 'g network: a b [a | *b]']);
  }, 120_000);
});
