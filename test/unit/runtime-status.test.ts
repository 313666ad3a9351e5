// The status report: plain values from the driver, and the text for people.
import { expect, test } from '@jest/globals';
import type { DriverStatus } from '../../core/runtime/driver.js';
import { renderStatus, spanText, statusReport } from '../../core/runtime/status.js';

const ALPHA = { name: 'alpha', incarnation: 2n ** 60n, place: 0 };
const BETA = { name: 'beta', incarnation: 7n, place: 1 };

const STATUS: DriverStatus = {
  daemon: 'alpha',
  incarnation: ALPHA.incarnation,
  machine: {
    state: 'operational',
    configuration: { id: { number: 9, time: 12 }, members: [ALPHA, BETA], self: 0, maxPackBytes: 60_000 },
    round: 4,
    changes: [
      { atMs: 100, from: undefined, to: { number: 9, time: 11 }, members: ['alpha'], why: ['start'] },
      {
        atMs: 9000,
        from: { number: 9, time: 11 },
        to: { number: 9, time: 12 },
        members: ['alpha', 'beta'],
        why: ['beta heard by alpha'],
      },
    ],
    peers: [
      { name: 'beta', heardMsAgo: 12, hearsUs: true, heldUntilMs: 0 },
      { name: 'gamma', heardMsAgo: 70_000, hearsUs: false, heldUntilMs: 10_300 },
    ],
    sessions: 2,
    groups: 1,
    counters: { packs: 5 },
  },
  sessionLimit: 100,
  recentEnds: [{ name: 'bob', from: '127.0.0.1:5', reason: 'not-reading', detail: '1001 messages wait', atMs: 0 }],
  medium: { connections: 2 },
  counters: { 'noise.bad hello': 3 },
  slowest: [{ name: 'medium', ms: 12.34, atMs: 8000 }],
  startedAtMs: 0,
  upMs: 3_720_000,
  nowMs: 10_000,
};

test('survives JSON', () => {
  const report = statusReport(STATUS, 42, { 'client.binary': { connections: 3 } });
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

test('as text', () => {
  expect(renderStatus(statusReport(STATUS, 42, { 'client.binary': { connections: 3 } })))
    .toBe(`daemon alpha, operational, up 1 h 2 m, pid 42, incarnation 1152921504606846976
configuration 9.12, for 1.0 s: alpha beta (packs up to 60000 bytes)
peers
  beta: heard 12 ms ago, hears us
  gamma: heard 1 m 10 s ago, does not hear us, held back for 300 ms
changes
  1.0 s ago: 9.11 -> 9.12: alpha beta
    beta heard by alpha
  9.9 s ago: 9.11: alpha
    start
sessions 2 of 100, groups 1
sessions ended by fault
  1970-01-01T00:00:00.000Z bob from 127.0.0.1:5, not-reading: 1001 messages wait
medium
  connections 2
[client.binary]
  connections 3
counters
  packs 5
  noise.bad hello 3
slowest handlers
  12.3 ms  medium, 2.0 s ago
`);
});

test('of a daemon that runs since before an update', () => {
  const { plugins: _plugins, ...older } = statusReport(STATUS, 42);
  expect(renderStatus(older)).toContain('daemon alpha, operational');
});

test('without a configuration', () => {
  const machine = { ...STATUS.machine, configuration: undefined, changes: [], peers: [], state: 'starting' as const };
  expect(renderStatus(statusReport({ ...STATUS, machine }, 42))).toContain('no configuration yet, round 4');
});

test('spans of time', () => {
  const spans = [0, 999, 1000, 59_949, 61_000, 3_600_000, 90_000_000].map(spanText);
  expect(spans).toEqual(['0 ms', '999 ms', '1.0 s', '59.9 s', '1 m 1 s', '1 h 0 m', '1 d 1 h']);
});
