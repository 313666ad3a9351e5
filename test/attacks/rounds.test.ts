// Attacks on rounds: who hear each other all the time go on together, whatever is lost or late (docs/design/membership.md 4).
import { expect, test } from '@jest/globals';
import { ENVELOPE_BYTES } from '../../core/machine/envelope.js';
import { Service } from '../../core/wire/frame.js';
import { Kind, Scene, on } from './scene.js';

const MINUTE_MS = 60_000;

test('answers of an earlier round do not make the dead alive', () => {
  const scene = new Scene({ daemons: 4 }).begin();
  // A round in which the first three answer each other.
  scene.part([0, 1, 2], [3]);
  scene.until('three and one', () => scene.together([0, 1, 2]) && scene.together([3]));
  // The first proposes a merge of which the third learns nothing, and dies. The third notices that at once, and only then
  // has a row of the second, which is still in the recovery of that round and has not noticed.
  const { round } = scene.at(0).machine.status();
  const later = (m: { readonly head: Uint8Array }): boolean => m.head[ENVELOPE_BYTES]! > round;
  scene.rules = [
    on('drop', [Kind.propose], [0], [2]),
    (m) => (m.kind === Kind.row && m.to === 2 && later(m) ? 'drop' : undefined),
  ];
  scene.part([0, 1, 2, 3]);
  scene.until('the second takes part', () => scene.state(1) === 'recovering');
  scene.cluster.crash(0);
  const from = scene.now;
  scene.refused([2], [0]);
  expect([1, 2].map((place) => scene.state(place))).toEqual(['recovering', 'gathering']);
  scene.rules = [];
  scene.until('they went on', () => scene.installs(2, from).length > 0);
  for (const members of scene.installs(2, from)) expect(members).toContain('beta,gamma');
  expect(scene.verdict()).toEqual([]);
});

test.each(['stream', 'datagram'] as const)(
  'a daemon that dies costs the others one change, together, over a %s medium',
  (medium) => {
    const scene = new Scene({ daemons: 4, medium }).begin();
    const from = scene.now;
    scene.cluster.crash(2);
    scene.until('the others went on', () => scene.together([0, 1, 3]));
    scene.run(2000);
    for (const place of [0, 1, 3]) expect(scene.installs(place, from)).toEqual(['alpha,beta,delta']);
    expect(scene.verdict()).toEqual([]);
  },
);

test.each([
  ['what waited', true, 'stream'],
  ['their timers', false, 'stream'],
  ['what waited', true, 'datagram'],
  ['their timers', false, 'datagram'],
] as const)(
  'who stood still together for long go on together, beginning with %s (%s) over a %s medium',
  (_, reads, medium) => {
    const scene = new Scene({ daemons: 3, medium }).begin();
    // A beat among what waited would let them look at their clocks: the first thing they hear is a row.
    scene.rules = [on('drop', [Kind.beat], [0, 1, 2], [1, 2])];
    for (const place of [1, 2]) scene.cluster.pause(place);
    scene.until('the first is alone', () => scene.together([0]));
    scene.run(5000);
    scene.rules = [];
    const from = scene.now;
    for (const place of [1, 2]) scene.cluster.resume(place, reads);
    scene.until('all are together again', () => scene.together([0, 1, 2]));
    for (const place of [1, 2]) expect(scene.installs(place, from)).toEqual(['beta,gamma', 'alpha,beta,gamma']);
    expect(scene.verdict()).toEqual([]);
  },
);

test.each([
  ['reports', Kind.report],
  ['completes', Kind.complete],
] as const)('a newcomer that never %s does not stop the others again and again', (_, kind) => {
  const scene = new Scene({ daemons: 4 }).begin([0, 1, 2], [3]);
  scene.rules = [on('drop', [kind], [3], [0, 1, 2])];
  scene.part([0, 1, 2, 3]);
  let stopped = 0;
  for (let ms = 0; ms < MINUTE_MS; ms += 50) {
    scene.run(50);
    if (scene.state(0) !== 'operational') stopped += 50;
  }
  expect(stopped).toBeLessThan(MINUTE_MS / 5);
  expect(scene.verdict()).toEqual([]);
});

test.each(['stream', 'datagram'] as const)(
  'who stood still for less than the limit is not suspected, whenever that began, over a %s medium',
  (medium) => {
    for (let ms = 0; ms < 200; ms += 10) {
      // Anew each time: a silence makes the limit longer for a while.
      const scene = new Scene({ daemons: 3, medium }).begin();
      scene.run(ms);
      const { round } = scene.at(0).machine.status();
      scene.cluster.pause(1);
      scene.run(260);
      scene.cluster.resume(1);
      scene.run(1000);
      expect([ms, scene.at(0).machine.status().round]).toEqual([ms, round]);
      expect(scene.together([0, 1, 2])).toBe(true);
    }
  },
);

test('one lost beat suspects nobody, whenever traffic ended', () => {
  for (let quietMs = 0; quietMs < 220; quietMs += 10) {
    const scene = new Scene({ daemons: 3 }).begin();
    const speaker = scene.member(1, 'm');
    for (let i = 0; i < 30; i++) {
      scene.say(speaker, Service.AGREED);
      scene.run(10);
    }
    scene.run(quietMs);
    const { round } = scene.at(0).machine.status();
    let lost = 0;
    scene.rules = [(m) => (m.kind === Kind.beat && m.from === 1 && m.to === 0 && lost++ === 0 ? 'drop' : undefined)];
    scene.run(2000);
    expect(lost).toBeGreaterThan(1);
    expect([quietMs, scene.at(0).machine.status().round]).toEqual([quietMs, round]);
    expect(scene.together([0, 1, 2])).toBe(true);
  }
});
