// Attacks on lives: clocks that are set back, goodbyes that arrive before what was said earlier, lives that overtake each
// other (docs/design/membership.md 7, 10).
import { describe, expect, test } from '@jest/globals';
import { ENVELOPE_BYTES } from '../../core/machine/envelope.js';
import { Service } from '../../core/wire/frame.js';
import { Phase } from '../sim/clock.js';
import { Kind, Scene } from './scene.js';

const HOUR = 3600;
/** Where the flags of a row are: behind the envelope, three numbers and an id. */
const LEAVING_AT = ENVELOPE_BYTES + 20;

describe('a clock set back at restart', () => {
  test('a daemon that restarts with an earlier clock comes back', () => {
    const scene = new Scene({ daemons: 3 }).begin();
    scene.cluster.crash(2);
    scene.cluster.setClock(2, -HOUR);
    scene.cluster.boot(2);
    scene.until('all are together again', () => scene.together([0, 1, 2]));
    expect(scene.verdict()).toEqual([]);
  });

  test('all restart with earlier clocks, each before the others have noticed', () => {
    const scene = new Scene({ daemons: 3 }).begin();
    for (const place of [0, 1, 2]) {
      const s = scene.member(place, `m${place}`);
      scene.say(s, Service.SAFE);
      scene.cluster.crash(place);
      scene.cluster.setClock(place, -HOUR * (place + 1));
      scene.cluster.boot(place);
      scene.run(30);
    }
    scene.until('all are together again', () => scene.together([0, 1, 2]));
    expect(scene.verdict()).toEqual([]);
  });
});

describe('a goodbye', () => {
  /** From the goodbye of one of three until the others are in a configuration without it, in ms. */
  function leave(medium: 'stream' | 'datagram'): number {
    const scene = new Scene({ daemons: 3, medium }).begin();
    const members = [0, 1].map((place) => scene.member(place, `m${place}`));
    scene.run(100);
    let goodbyeAt = 0;
    scene.rules = [
      (m) => {
        if (m.from === 2 && m.kind === Kind.row && (m.head[LEAVING_AT]! & 1) === 1) goodbyeAt = scene.now;
        // What it acknowledges arrives behind its goodbye: on streams the planes are two connections. The way between
        // the others is longer.
        if (m.from === 2) return m.plane === 'data' && m.to < 2 ? 'hold' : undefined;
        return m.to < 2 && m.kind === Kind.row ? 'hold' : undefined;
      },
    ];
    scene.cluster.stop(2);
    for (let i = 0; !scene.together([0, 1]); i++) {
      for (const s of members) scene.say(s, Service.SAFE);
      const gathering = scene.at(0).machine.status().state === 'gathering';
      if (gathering) scene.release((m) => m.from === 2);
      if (gathering && i % 10 === 0) scene.release();
      scene.run(1);
    }
    const took = scene.now - goodbyeAt;
    expect(goodbyeAt).toBeGreaterThan(0);
    expect(scene.verdict()).toEqual([]);
    return took;
  }

  test.each(['stream', 'datagram'] as const)(
    'is not taken back by what arrives behind it, over a %s medium',
    (medium) => {
      expect(leave(medium)).toBeLessThan(60);
    },
  );
});

test.each([
  ['stream', 450, 100],
  ['datagram', 450, 50],
  ['datagram', 250, 5],
] as const)(
  'a daemon that crashes soon after each start keeps nobody apart: %s, up %i ms, down %i ms',
  (medium, up, down) => {
    const scene = new Scene({ daemons: 4, medium }).begin([0, 1], [2], [3]);
    let crashing = true;
    const crash = (): void => {
      if (!crashing) return;
      scene.cluster.crash(3);
      scene.cluster.clock.schedule(scene.now + down, Phase.harness, () => {
        scene.cluster.boot(3);
        scene.cluster.clock.schedule(scene.now + up, Phase.harness, crash);
      });
    };
    crash();
    scene.part([0, 1, 2, 3]);
    const from = scene.now;
    scene.until('the others are together', () => scene.together([0, 1, 2]));
    expect(scene.now - from).toBeLessThan(5000);
    crashing = false;
    expect(scene.verdict()).toEqual([]);
  },
);
