// Attacks on the exchange of group state: what it must not take for unchanged (docs/design/groups.md 6, 7).
import { expect, test } from '@jest/globals';
import { Scene, mute } from './scene.js';

const ALL = [0, 1, 2, 3];

test('two halves of two views that are as large as either view are not taken for one of them', () => {
  const scene = new Scene({ daemons: 4 }).begin([0, 2], [1, 3]);
  for (const place of ALL) scene.member(place, `m${place}`);
  scene.run(500);
  // They merge; before anybody has all announcements, of each view one member is lost.
  scene.rules = [mute(ALL, ALL)];
  scene.part(ALL);
  scene.until('all are together', () => scene.together(ALL));
  scene.cluster.crash(2);
  scene.cluster.crash(3);
  scene.until('the two are together', () => scene.together([0, 1]));
  scene.rules = [];
  scene.run(1000);
  const { groups } = scene.at(0).machine.status();
  expect(groups).toBe(1);
  const last = scene.events.findLast((e) => e.event === 'view');
  expect(last?.event === 'view' ? last.members : []).toEqual(['#m0#alpha', '#m1#beta']);
  expect(scene.verdict()).toEqual([]);
});
