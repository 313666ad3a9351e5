// What leaves at rest, and whose rounds are ours (docs/design/membership.md 2, 3): who holds us in a configuration that we have left is none of them.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Membership, MembershipTimer, type Proposal } from '../../../core/machine/membership/membership.js';
import { encodeRow } from '../../../core/machine/membership/row.js';
import { Kind } from '../../../core/machine/envelope.js';
import { BEAT_MS, BEAT_SLACK_MS, DEFAULT_OPTIONS, ROW_MS } from '../../../core/machine/options.js';

const NAMES = ['alpha', 'beta', 'gamma'];
const INCARNATIONS = [100n, 200n, 300n] as const;
const SELF = 0;
const PEER = 1;
/** Of the configuration that the peer is in. */
const OTHER_NUMBER = 7;

let now = 0;
let rounds: number[] = [];
let proposals: Proposal[] = [];
let sent: { readonly at: number; readonly kind: Kind }[] = [];
/** When each timer is due. */
const timers = new Map<MembershipTimer, number>();
let membership: Membership;
let ownTime = 0;

beforeEach(() => {
  now = 0;
  rounds = [];
  proposals = [];
  sent = [];
  timers.clear();
  const list = NAMES.map((name, place) => ({ name, place }));
  membership = new Membership(list, SELF, INCARNATIONS[SELF], 1, 450, {
    send: (to, kind) => {
      sent.push({ at: now, kind });
      membership.sent(to);
    },
    sever: () => undefined,
    reach: () => undefined,
    setTimer: (key, ms) => (ms < 0 ? timers.delete(key) : timers.set(key, now + ms)),
    abandon: () => undefined,
    propose: (p) => proposals.push(p),
    event: (e) => {
      if (e.kind === 'round') rounds.push(e.round);
    },
  });
  aloneInItsConfiguration();
});

function aloneInItsConfiguration(): void {
  membership.at(now, 1_800_000_000);
  membership.start();
  now += 300;
  membership.at(now, 1_800_000_000);
  membership.timer(MembershipTimer.start);
  membership.flush();
  const p = proposals[0]!;
  expect(membership.accept(p)).toBeUndefined();
  const members = [{ name: 'alpha', place: SELF, incarnation: INCARNATIONS[SELF] }];
  membership.installed({ id: p.id, members, self: 0, maxPackBytes: 1000 });
  ownTime = p.id.time;
  rounds = [];
  proposals = [];
}

/** The peer gathers in round 50 with all three as members of its configuration of that time. */
function rowOfPeer(time: number): void {
  const entries = new Map(
    INCARNATIONS.map((incarnation, place) => [
      place,
      { place, incarnation, member: true, hears: place !== 2, answered: place !== 2 },
    ]),
  );
  const configuration = { number: OTHER_NUMBER, time };
  const row = { round: 50, sequence: 1, highestTime: ownTime + 10, configuration, leaving: false, asks: true, entries };
  expect(membership.heard(PEER, INCARNATIONS[PEER])).toBe(true);
  expect(membership.receiveRow(PEER, encodeRow(row))).toBe(true);
  membership.flush();
}

test('a beat that was skipped and the next one lost are no silence, nor if that comes 50 ms late', () => {
  const longestGapMs = 2 * BEAT_MS - BEAT_SLACK_MS;
  expect(longestGapMs + BEAT_MS + 50).toBeLessThan(DEFAULT_OPTIONS.silenceLimitMs);
});

/** Alpha and beta in one configuration from here. */
function withThePeer(): void {
  const members = [SELF, PEER].map((place) => ({ name: NAMES[place]!, place, incarnation: INCARNATIONS[place]! }));
  expect(membership.heard(PEER, INCARNATIONS[PEER])).toBe(true);
  membership.installed({ id: { number: 1, time: ownTime + 1 }, members, self: SELF, maxPackBytes: 1000 });
}

/** Timers that are due run, each `lateMs` late, and the peer is heard, until then. */
function rest(until: number, lateMs: number): void {
  for (;;) {
    const next = [...timers].reduce((a, b) => (b[1] < a[1] ? b : a));
    const at = next[1] + lateMs;
    if (at >= until) return;
    now = Math.max(now, at);
    timers.delete(next[0]);
    membership.at(now, 1_800_000_000);
    membership.heard(PEER, INCARNATIONS[PEER]);
    membership.timer(next[0]);
    membership.flush();
  }
}

test.each([0, 3, 40])(
  'at rest a row goes in the place of a beat, no later than in its period (timers %d ms late)',
  (lateMs) => {
    withThePeer();
    rest(now + 5000, lateMs);
    sent = [];
    const from = now;
    rest(from + 60_000, lateMs);
    const rows = sent.filter((m) => m.kind === Kind.row).map((m) => m.at);
    const gaps = rows.slice(1).map((at, i) => at - rows[i]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(ROW_MS + lateMs);
    expect(Math.min(...gaps)).toBeGreaterThan(ROW_MS - 2 * BEAT_MS);
    // One wake-up in a beat's period, whatever leaves then.
    const times = sent.map((m) => m.at);
    expect(new Set(times).size).toBe(times.length);
    expect(times.slice(1).filter((at, i) => at - times[i]! < BEAT_MS)).toEqual([]);
  },
);

describe('a row of a higher round whose configuration holds us', () => {
  test('older than ours: we left it and lead nobody out of it, or each who left would propose against the others', () => {
    rowOfPeer(ownTime - 2);
    expect(membership.state).toBe('operational');
    expect(rounds).toEqual([]);
    expect(proposals).toEqual([]);
  });

  test('later than ours: it was committed there and not here, so its round is ours', () => {
    rowOfPeer(ownTime + 5);
    expect(membership.state).toBe('gathering');
    expect(rounds).toEqual([50]);
    expect(proposals.map((p) => p.members.map((m) => m.place))).toEqual([[SELF, PEER]]);
  });

  test('its loss is none of ours either when it is older', () => {
    rowOfPeer(ownTime - 2);
    membership.down(PEER, { kind: 'refused', detail: 'refused' });
    expect(membership.state).toBe('operational');
    expect(rounds).toEqual([]);
  });
});
