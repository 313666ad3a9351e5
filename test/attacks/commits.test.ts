// Attacks on commits: late ones, ones for attempts that were given up, ones that reach some (docs/design/recovery.md 2, 5).
import { expect, test } from '@jest/globals';
import { Service } from '../../core/wire/frame.js';
import { Kind, Scene, mute, on } from './scene.js';

/**
 * Four daemons with a member each; the last one dies. `speaker` has said a SAFE message that reached nobody of `deaf`.
 */
function unheard(speaker: number, deaf: readonly number[]): Scene {
  const scene = new Scene({ daemons: 4 }).begin();
  const members = [0, 1, 2, 3].map((place) => scene.member(place, `m${place}`));
  // More than a beat, so that nothing depends on where between two of them it is said; more than once, so that the turn stays.
  for (let i = 0; i < 3; i++) {
    scene.run(250);
    scene.say(members[speaker]!, Service.AGREED);
  }
  scene.run(250);
  scene.rules = [mute([speaker], deaf)];
  scene.say(members[speaker]!, Service.SAFE);
  scene.run(20);
  const held = [0, 1, 2].map((place) => Number(/held (\d+)/.exec(scene.at(place).machine.describe())![1]));
  expect(held.map((h) => Math.max(...held) - h)).toEqual([0, 1, 2].map((place) => (deaf.includes(place) ? 1 : 0)));
  scene.cluster.crash(3);
  return scene;
}

test('a commit is not given for an attempt that was given up', () => {
  const scene = unheard(1, [0, 2, 3]);
  // The second is complete; the others need its message, and do not get it. They go on without the second.
  scene.rules = [on('drop', [Kind.repair], [1], [0, 2])];
  scene.refused([0, 1, 2], [3]);
  scene.until('the second is complete', () => scene.at(1).machine.describe().includes('recovery complete'));
  scene.part([0, 2], [1]);
  scene.refused([0, 2], [1]);
  scene.until('the others are through', () => scene.together([0, 2]));
  // It still asks for the commit of that attempt, and nothing else passes.
  expect(scene.at(1).machine.describe()).toContain('recovery complete');
  scene.rules = [
    (m) =>
      m.from === 1 || m.to === 1 ? (on('pass', [Kind.complete, Kind.commit], [0, 1], [0, 1])(m) ?? 'drop') : undefined,
  ];
  scene.part([0, 1, 2]);
  scene.run(300);
  expect(scene.verdict()).toEqual([]);
});

test('a commit of an earlier attempt does not count for a later one', () => {
  const scene = unheard(0, [2, 3]);
  // The first two recover without the third, which waits for an answer of the first. The commit is late.
  scene.rules = [mute([0], [1]), on('drop', [Kind.row], [0], [2]), on('hold', [Kind.commit], [0], [1])];
  scene.refused([0], [2, 3]);
  scene.refused([1], [3]);
  scene.until('the first is through', () => scene.installs(0).at(-1) === 'alpha,beta');
  expect(scene.at(1).machine.describe()).toContain('recovery complete');
  expect(scene.holding).toBeGreaterThan(0);
  // The third comes back with a round, so the first two recover once more; the first is not told that the second is
  // complete. Then the late commit arrives.
  const { round } = scene.at(1).machine.status();
  const before = scene.installs(1);
  scene.rules = [mute([0], [1]), on('hold', [Kind.commit], [0], [1]), on('drop', [Kind.complete], [1], [0])];
  scene.refused([2], [3]);
  scene.until(
    'the second is complete again',
    () => scene.at(1).machine.status().round > round && scene.at(1).machine.describe().includes('recovery complete'),
  );
  expect(scene.at(0).machine.describe()).toContain('1 of 2 complete');
  scene.rules.splice(1, 1);
  scene.release();
  scene.run(50);
  expect(scene.at(1).machine.describe()).toContain('recovery complete');
  expect(scene.installs(1)).toEqual(before);
  scene.part([0, 2], [1]);
  scene.run(3000);
  expect(scene.verdict()).toEqual([]);
});
