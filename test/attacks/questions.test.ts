// The questions that the notes promise to answer (docs/design/recovery.md 5, membership.md 10), each over the mesh and the
// ring: the fault comes at every moment of a recovery, a few milliseconds apart.
import { describe, expect, test } from '@jest/globals';
import { Service } from '../../core/wire/frame.js';
import { createRing } from '../../link-protocols/ring/machine.js';
import type { SimSession } from '../sim/session.js';
import { Kind, Scene, on } from './scene.js';

const ALL = [0, 1, 2, 3];
const LINKS = { mesh: {}, ring: { link: () => createRing() } } as const;
/** Longer than from a death to the next configuration, all having noticed at once. */
const RECOVERY_MS = 24;
const STEP_MS = 4;
/** Every daemon takes packs of another size, and a large message is many packs. */
const PACK_BYTES = [700, 3000, 0, 1000];
const LARGE_BYTES = 60_000;

type LinkName = keyof typeof LINKS;

function begin(link: LinkName): { readonly scene: Scene; readonly members: readonly SimSession[] } {
  const options = (place: number): { packBytes: number } => ({ packBytes: PACK_BYTES[place]! });
  const scene = new Scene({ daemons: ALL.length, options, ...LINKS[link] }).begin();
  const members = ALL.map((place) => scene.member(place, `m${place}`));
  scene.run(300);
  return { scene, members };
}

function everybodySays(scene: Scene, members: readonly SimSession[]): void {
  members.forEach((s, i) => scene.say(s, i % 2 === 0 ? Service.SAFE : Service.AGREED, i === 1 ? LARGE_BYTES : 200));
}

/** A daemon dies while all speak; `ms` later `then` happens. Answers the violations of all moments. */
function atEveryMoment(link: LinkName, then: (scene: Scene) => void): readonly string[] {
  const wrong: string[] = [];
  for (let ms = 0; ms < RECOVERY_MS; ms += STEP_MS) {
    const { scene, members } = begin(link);
    everybodySays(scene, members);
    scene.run(2);
    scene.cluster.crash(3);
    scene.refused([0, 1, 2], [3]);
    scene.run(ms);
    everybodySays(scene, members);
    then(scene);
    wrong.push(...scene.verdict().map((v) => `${ms} ms: ${v}`));
  }
  return wrong;
}

describe.each(['mesh', 'ring'] as const)('over the %s', (link) => {
  test('a restart under the same name faster than detection, of the first and of the second', () => {
    for (const place of [0, 1]) {
      const restart = (scene: Scene): void => {
        scene.cluster.crash(place);
        scene.cluster.boot(place);
        scene.run(300);
      };
      expect(atEveryMoment(link, restart)).toEqual([]);
    }
  });

  test('a split three ways, and another one before that recovery is over', () => {
    const split = (scene: Scene): void => {
      scene.part([0], [1], [2]);
      scene.run(500);
      scene.part([0, 1], [2]);
      scene.run(400);
      scene.part([1, 2], [0]);
      scene.run(100);
    };
    expect(atEveryMoment(link, split)).toEqual([]);
  });

  test('a message half sent when its sender is cut off', () => {
    expect(
      atEveryMoment(link, (scene) => {
        scene.part([0, 2], [1]);
        scene.run(1000);
      }),
    ).toEqual([]);
  });

  test('the proposer dies after committing to some', () => {
    for (const deaf of [[1], [2], [1, 2]]) {
      const { scene, members } = begin(link);
      everybodySays(scene, members);
      scene.rules = [on('drop', [Kind.commit, Kind.data], [0], deaf)];
      scene.cluster.crash(3);
      scene.refused([0, 1, 2], [3]);
      scene.until('the proposer is through', () => scene.installs(0).at(-1) === 'alpha,beta,gamma');
      scene.cluster.crash(0);
      scene.until('the others are through', () => scene.together([1, 2]));
      expect(scene.verdict()).toEqual([]);
    }
  });

  test('a second change, and a third, before the group exchange ended', () => {
    const { scene, members } = begin(link);
    scene.part([0, 1], [2, 3]);
    scene.until('two and two', () => scene.together([0, 1]) && scene.together([2, 3]));
    scene.run(1000);
    scene.rules = [on('drop', [Kind.data], ALL, ALL)];
    scene.part(ALL);
    scene.until('all together', () => scene.together(ALL));
    everybodySays(scene, members);
    scene.cluster.crash(1);
    scene.refused([0, 2, 3], [1]);
    scene.until('three together', () => scene.together([0, 2, 3]));
    scene.cluster.crash(2);
    scene.refused([0, 3], [2]);
    scene.until('two together', () => scene.together([0, 3]));
    scene.rules = [];
    scene.run(1000);
    expect(scene.verdict()).toEqual([]);
  });
});
