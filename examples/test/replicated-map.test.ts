// The map of the examples over one daemon: joins in the middle of writes, leaves, a joiner that goes at once.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connect } from '../../client-apis/binary/client/index.js';
import { type Solo, startSolo } from '../../test/fixture-replay/solo.js';
import { ReplicatedMap } from '../replicated-map.js';

let solo: Solo;
const maps: ReplicatedMap[] = [];

beforeEach(async () => {
  solo = await startSolo();
});

afterEach(async () => {
  await Promise.all(maps.splice(0).map((m) => m.group.disconnect()));
  await solo.stop();
});

async function member(): Promise<ReplicatedMap> {
  const m = new ReplicatedMap(await connect({ port: solo.port }), 'map');
  maps.push(m);
  return m;
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((r) => setTimeout(r, 2));
}

test('a joiner gets what was written before and while it came', async () => {
  const first = await member();
  await first.group.whole();
  for (let i = 0; i < 500; i++) first.set(`k${i}`, `v${i}`);
  const second = await member();
  for (let i = 400; i < 600; i++) first.set(`k${i}`, `w${i}`);
  await second.group.whole();
  second.set('last', 'word');
  await until(() => maps.every((m) => m.get('last') === 'word'));
  expect(second.all()).toEqual(first.all());
  expect(second.all().length).toBe(601);
  expect(second.get('k450')).toBe('w450');
});

test('many come and go, and those who stay agree', async () => {
  const stayers = [await member(), await member(), await member()];
  for (let round = 0; round < 10; round++) {
    const guest = await member();
    for (const [i, m] of [...stayers, guest].entries())
      if (m.group.session.connected) m.set(`${round}-${i}`, String(i));
    if (round % 2 === 0) await guest.group.whole();
    await guest.group.disconnect();
  }
  await Promise.all(stayers.map((m) => m.group.whole()));
  stayers[0]!.set('end', 'now');
  await until(() => stayers.every((m) => m.get('end') === 'now'));
  for (const m of stayers) expect(m.all()).toEqual(stayers[0]!.all());
});

test('a deletion is one, and stays one', async () => {
  const [a, b] = [await member(), await member()];
  a.set('x', '1');
  b.delete('x');
  const late = await member();
  await late.group.whole();
  a.set('y', '2');
  await until(() => maps.every((m) => m.get('y') === '2'));
  expect(late.all()).toEqual(a.all());
  expect(b.all()).toEqual(a.all());
});
