// Attacks on bounds: memory, and messages that some members would take and others not (docs/design/order.md 3, 5).
import { describe, expect, test } from '@jest/globals';
import { DAEMON_OPTIONS } from '../../config/options.js';
import { LARGEST_MESSAGE_BYTES } from '../../core/machine/options.js';
import { DEFAULT_MAX_MESSAGE_BYTES, Service } from '../../core/wire/frame.js';
import { Scene } from './scene.js';

const MESSAGE_BYTES = 60_000;
/** By then somebody is suspected whose packs do not come. */
const GIVEN_UP_MS = 10_000;
const WINDOW_BYTES = { stream: 2 * 1024 * 1024, datagram: 96 * 1024 };

describe('the log', () => {
  // Who lacks the pack hears no acknowledgement of its sender either, and keeps what was on its way before it: where something was, the
  // bound is that of the others.
  test.each([
    { medium: 'stream', turn: 'kept', places: [0, 1, 2] },
    { medium: 'datagram', turn: 'kept', places: [0, 1, 2] },
    { medium: 'stream', turn: 'fetched', places: [0, 1] },
    { medium: 'datagram', turn: 'fetched', places: [0, 1, 2] },
  ] as const)(
    'stays bounded by the windows while one member lacks one pack of another, over a $medium medium, the turn $turn',
    ({ medium, turn, places }) => {
      const scene = new Scene({ daemons: 3, medium, maxBytes: 65_536 }).begin();
      const [first, second] = [0, 1].map((place) => scene.member(place, `m${place}`));
      scene.run(500);
      // A single speaker keeps the turn: its next pack is numbered at once.
      for (let i = 0; turn === 'kept' && i < 4; i++) {
        scene.say(first!, Service.AGREED);
        scene.run(20);
      }
      scene.cluster.faults.plug('data', 0, 2, 0);
      scene.say(first!, Service.AGREED);
      scene.run(20);
      const before = scene.installs(1).length;
      let most = 0;
      for (const end = scene.now + GIVEN_UP_MS; scene.installs(1).length === before && scene.now < end;) {
        for (let i = 0; i < 10 && second!.daemon.reading; i++) scene.say(second!, Service.AGREED, MESSAGE_BYTES);
        scene.run(1);
        for (const place of places) most = Math.max(most, scene.at(place).machine.status().counters['log bytes'] ?? 0);
      }
      expect(scene.installs(1).length).toBeGreaterThan(before);
      expect(most).toBeLessThan(2 * 3 * WINDOW_BYTES[medium] + 4 * MESSAGE_BYTES);
      expect(scene.verdict()).toEqual([]);
    },
  );
});

test('a message larger than members let their own clients send is delivered by all', () => {
  // Only the client API of the sender's daemon has a limit that was raised.
  const scene = new Scene({ daemons: 2, medium: 'stream' }).begin();
  const [first] = [0, 1].map((place) => scene.member(place, `m${place}`));
  scene.run(100);
  scene.say(first!, Service.AGREED, DEFAULT_MAX_MESSAGE_BYTES + 40_000);
  scene.run(1000);
  const got = scene.events.flatMap((e) => (e.event === 'deliver' ? [e.session] : []));
  expect(got).toHaveLength(2);
  expect(DAEMON_OPTIONS.max_message_bytes.max).toBe(LARGEST_MESSAGE_BYTES);
  expect(scene.verdict()).toEqual([]);
});
