// Attacks on the mesh inside a configuration: connections that break with packs in flight, planes that fail apart, rows
// that are late (docs/design/mesh.md 3).
import { describe, expect, test } from '@jest/globals';
import { Service } from '../../core/wire/frame.js';
import { GOOD_PATH } from '../sim/faults.js';
import { Scene } from './scene.js';

/** A hole is looked for by timers only after 400 ms on streams: what comes sooner was asked for when the stream was back. */
const TIMER_MS = 400;
const ACKNOWLEDGED_MS = 100;

function delivered(scene: Scene): number {
  return scene.events.reduce((n, e) => n + (e.event === 'deliver' ? 1 : 0), 0);
}

test('a connection that breaks with packs in flight costs neither a configuration nor the wait for a timer', () => {
  const scene = new Scene({ daemons: 3, medium: 'stream' }).begin();
  const members = [0, 1, 2].map((place) => scene.member(place, `m${place}`));
  scene.run(1000);
  const before = scene.installs(0).length;
  for (const [a, b] of [
    [0, 1],
    [1, 0],
  ] as const)
    scene.cluster.faults.setPath(a, b, { ...GOOD_PATH, delayMs: 20 });
  scene.say(members[0]!, Service.AGREED);
  scene.say(members[0]!, Service.SAFE);
  scene.cluster.network.reset(0, 1);
  const from = scene.now;
  scene.until('all have all', () => delivered(scene) === 6);
  expect(scene.now - from).toBeLessThan(TIMER_MS);
  expect(scene.installs(0)).toHaveLength(before);
  expect(scene.verdict()).toEqual([]);
});

describe.each(['stream', 'datagram'] as const)('over a %s medium', (medium) => {
  test('what nobody answers with data is acknowledged all the same, at once', () => {
    const scene = new Scene({ daemons: 3, medium }).begin();
    const [first] = [0, 1, 2].map((place) => scene.member(place, `m${place}`));
    scene.run(1000);
    scene.say(first!, Service.AGREED);
    scene.run(ACKNOWLEDGED_MS);
    for (const place of [0, 1, 2]) expect(scene.at(place).machine.status().counters['log packs']).toBe(0);
    expect(scene.verdict()).toEqual([]);
  });

  test('a member whose packs do not come although it is heard is given up, and the others go on', () => {
    const scene = new Scene({ daemons: 3, medium }).begin();
    const members = [0, 1, 2].map((place) => scene.member(place, `m${place}`));
    scene.run(1000);
    scene.cluster.faults.plug('data', 0, 2, 0);
    scene.say(members[0]!, Service.SAFE);
    scene.say(members[1]!, Service.SAFE);
    // The first and the second get both; the third is told its own part of the truth.
    const withoutIt = (): boolean =>
      [0, 1].every(
        (place) => scene.events.filter((e) => e.event === 'deliver' && e.session === members[place]!.uid).length >= 2,
      );
    scene.until('those two go on', withoutIt);
    scene.cluster.faults.healAll();
    expect(scene.verdict()).toEqual([]);
  });
});
