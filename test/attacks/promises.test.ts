// Attacks on what is behind a gap: who may deliver it, and who must because somebody else may have (docs/design/recovery.md 5).
import { expect, test } from '@jest/globals';
import { Service } from '../../core/wire/frame.js';
import type { SimSession } from '../sim/session.js';
import { Kind, Scene, mute, on } from './scene.js';

const ALL = [0, 1, 2, 3, 4];

/**
 * Five daemons with a member each. The fourth has numbered a pack that only the fifth has; the fifth and the first two
 * have numbered one each behind it, which all have. Then the last two die.
 */
function gap(): { readonly scene: Scene; readonly members: readonly SimSession[] } {
  const scene = new Scene({ daemons: 5 }).begin();
  const members = ALL.map((place) => scene.member(place, `m${place}`));
  const round = (): void => {
    scene.run(200);
    for (const place of [3, 4, 0, 1]) {
      scene.say(members[place]!, Service.AGREED);
      scene.run(20);
    }
  };
  // Each learns whom to give the turn to: never to the fourth before it is heard again.
  round();
  round();
  scene.rules = [mute([3], [0, 1, 2])];
  round();
  for (const place of [0, 1, 2]) {
    const [, held, highest] = /held (\d+)\/(\d+)/.exec(scene.at(place).machine.describe())!;
    expect(Number(highest) - Number(held)).toBe(4);
  }
  scene.cluster.crash(3);
  scene.cluster.crash(4);
  return { scene, members };
}

test('a promise made in an attempt that came to nothing binds those of the next', () => {
  const { scene } = gap();
  // Between the first and the second there is no way, and the second waits for an answer of the first.
  scene.rules = [on('drop', [Kind.commit, Kind.data], [0], [2]), on('drop', [Kind.row], [0], [1])];
  scene.refused([0], [1, 3, 4]);
  scene.refused([2], [3, 4]);
  // The first and the third recover; the third promises, and does not learn that the first has installed.
  scene.until('the first is through', () => scene.installs(0).at(-1) === 'alpha,gamma');
  expect(scene.at(2).machine.describe()).toContain('recovery complete');
  expect(scene.state(1)).toBe('gathering');
  // The third recovers again, with the second, which has promised nothing yet and has a pack of its own behind the gap.
  scene.cluster.crash(0);
  scene.refused([1, 2], [0]);
  scene.refused([1], [3, 4]);
  scene.until('the second and the third are through', () => scene.together([1, 2]));
  expect(scene.survivors()).toEqual(['alpha: alpha,gamma', 'beta: beta,gamma', 'gamma: beta,gamma']);
  expect(scene.verdict()).toEqual([]);
});
