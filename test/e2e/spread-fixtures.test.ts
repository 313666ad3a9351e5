// The fixtures of one real daemon of the peer, replayed against ours on real sockets: handshakes of all versions, rejects,
// invalid headers, both byte orders, real C and Java clients, the flush layer. What the daemon sends must match byte for
// byte but for what section 16 of the protocol as measured lets differ (test/fixture-replay/normalise.ts).
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WireClient } from '../../client-apis/binary/test/wire-client.js';
import { readFixture } from '../fixture-replay/fixture.js';
import { FrameComparison } from '../fixture-replay/normalise.js';
import { replay } from '../fixture-replay/replay.js';
import type { Part } from '../fixture-replay/replay.js';
import { startSolo } from '../fixture-replay/solo.js';
import type { Solo } from '../fixture-replay/solo.js';

let solo: Solo;

beforeEach(async () => {
  solo = await startSolo({ handshake_timeout_ms: '500' });
});

afterEach(async () => {
  await solo.stop();
  expect(solo.fatal).toEqual([]);
});

const RUNS: [string, Part[]][] = [
  [
    'items 1, 24 to 28, 31 to 34: life cycles of three members (01, 02, 03)',
    [
      { file: '01-le-member-lifecycle.hex' },
      { file: '02-le-second-member.hex', after: { part: 0, line: 6 } },
      { file: '03-no-membership-client.hex', after: { part: 0, line: 15 }, thenClose: true },
    ],
  ],
  ['item 2: library 3.14 (04)', [{ file: '04-connect-3.14.hex' }]],
  ['item 2: library 3.15 (05)', [{ file: '05-connect-3.15.hex' }]],
  ['item 2: library 3.17 (06)', [{ file: '06-connect-3.17.hex' }]],
  [
    'items 14 and 15: a big-endian sender and its observer (08a, 08b)',
    [{ file: '08b-le-observer-of-big-endian.hex' }, { file: '08a-big-endian-sender.hex', after: { part: 0, line: 5 } }],
  ],
  ['items 13 and 16: the C client of 4.4 (10)', [{ file: '10-c-libspread-4.4-spuser.hex' }]],
  ['item 13: the Java client of 4.4 (11)', [{ file: '11-java-4.4-client.hex' }]],
  [
    'the flush layer, both members (14a, 14b)',
    [
      { file: '14a-flush-first-member.hex' },
      { file: '14b-flush-second-member.hex', after: { part: 0, line: 10 }, late: { 7: 1, 9: 1 } },
    ],
  ],
];

test.each(RUNS)('%s', async (_what, parts) => {
  expect(await replay(solo.port, parts)).toEqual([]);
});

describe('items 3 to 5, 7 and 8: rejects (07)', () => {
  const attempts = readFixture('07-rejects.hex');
  const generated = attempts.findIndex((a) => a.about.includes('generates'));

  test.each(attempts.map((a, i) => [a.about, i] as const).filter(([, i]) => i !== generated))(
    '%s',
    async (_about, i) => {
      const taken = await WireClient.connect(solo.port, 'taken');
      expect(await replay(solo.port, [{ file: '07-rejects.hex', connection: i }])).toEqual([]);
      taken.destroy();
    },
  );

  test('item 7: an empty name gets a unique legal one', async () => {
    expect(generated).toBeGreaterThan(0);
    const clients = [await WireClient.connect(solo.port, ''), await WireClient.connect(solo.port, '')];
    for (const client of clients) {
      expect(client.privateGroup).toMatch(/^#[\x24-\x7e]{1,10}#solo$/);
      client.destroy();
    }
    expect(clients[0]!.privateGroup).not.toBe(clients[1]!.privateGroup);
  });
});

describe('item 17: invalid headers (09)', () => {
  const headers = readFixture('09-invalid-headers.hex');

  test.each(headers.map((h, i) => [h.about, i] as const))('%s', async (_about, i) => {
    expect(await replay(solo.port, [{ file: '09-invalid-headers.hex', connection: i }])).toEqual([]);
    expect(solo.api.describe()['invalid-frame']).toBe(1);
  });
});

describe('the comparison itself', () => {
  const views = readFixture('01-le-member-lifecycle.hex')[0]!.steps.flatMap((s) =>
    s.kind === 'expect' && s.frame && s.bytes[1] === 0x11 ? [s.bytes] : [],
  );

  function changed(frame: Buffer, at: number, value: number): Buffer {
    const copy = Buffer.from(frame);
    copy[at] = value;
    return copy;
  }

  const indexAt = (frame: Buffer) => frame.length - 56 + 8;

  test('lets number and time of a group id differ, and nothing else', () => {
    const [view] = views;
    for (let at = 0; at < view!.length; at++) {
      const same = at >= view!.length - 56 && at < indexAt(view!);
      const difference = new FrameComparison().difference(view!, changed(view!, at, view![at]! ^ 1));
      expect([at, difference === '']).toEqual([at, same]);
    }
  });

  test('a group born again must have an index it never had', () => {
    const [first, second] = views;
    const comparison = new FrameComparison();
    expect(comparison.difference(first!, first!)).toBe('');
    expect(comparison.difference(second!, second!)).toBe('');
    expect(comparison.difference(first!, first!)).toContain('again');
    expect(comparison.difference(first!, changed(first!, indexAt(first!), 7))).toBe('');
    expect(comparison.difference(second!, changed(second!, indexAt(second!), 9))).toContain('not 8');
  });
});
