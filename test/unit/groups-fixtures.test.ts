// The group layer against the bytes of a real Spread 4.4 daemon (test/fixtures/spread-client): same frames, in the same
// order, once the numbers and times of group ids are blanked (and indexes where a group had been emptied:
// docs/design/groups.md 2.2, 2.3).
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Bytes } from '../../core/machine/types.js';
import { NAME_BYTES, Service, frameService, readU32, writeU32 } from '../../core/wire/frame.js';
import { Daemon, Side, concat, exchange, join, kill, leave, message, regular, splitFrames } from './groups-world.js';

function fixture(name: string): string[] {
  return readFileSync(new URL(`../../../test/fixtures/spread-client/${name}`, import.meta.url), 'latin1').split('\n');
}

function bytesTo(lines: string[], mark: string): Bytes {
  return concat(lines.filter((l) => l.startsWith(mark)).map((l) => Uint8Array.from(Buffer.from(l.slice(4), 'hex'))));
}

/** Frames the daemon sent, without the handshake of a 4.4 client. */
function framesTo(name: string): Bytes[] {
  const b = bytesTo(fixture(name), 'D>C');
  const accept = 1 + b[0]!;
  return splitFrames(b.subarray(accept + 5 + b[accept + 4]!));
}

/** Hex, with number and time of the group id blanked, and the index unless `index`. */
function normal(b: Bytes, index = true): string {
  const service = frameService(b, 0);
  const copy = new Uint8Array(b);
  if ((service & (Service.REG_MEMB | Service.TRANSITION)) !== 0) {
    const body = 48 + NAME_BYTES * readU32(b, 36);
    writeU32(copy, body, 0);
    writeU32(copy, body + 4, 0);
    if (!index) writeU32(copy, body + 8, 0);
  }
  return Buffer.from(copy).toString('hex');
}

function daemon(name: string, place: number): Daemon {
  return new Daemon({ name, place, incarnation: BigInt(place + 100) });
}

const id = (time: number, number = 7): { number: number; time: number } => ({ number, time });

/** All daemons together from the start. */
function together(...daemons: Daemon[]): Side {
  const side = regular(id(1), [], daemons);
  exchange(daemons);
  return side;
}

test('01 and 02: joins, messages, leaves and disconnects on one daemon', () => {
  const solo = daemon('solo', 0);
  const side = together(solo);
  const user = solo.attach('user');
  const bob = solo.attach('bob');
  const run = (...frames: Bytes[]): void => side.frames(solo, ...frames);
  const [u, b, c] = ['#user#solo', '#bob#solo', '#carl#solo'];
  run(join(u, 'chat'), join(b, 'chat'));
  run(message(u, ['chat', 'other'], 'hello', Service.AGREED, 7), message(b, [u], 'direct', Service.FIFO, -3));
  run(message(u, ['chat'], 'nd', Service.SAFE | Service.SELF_DISCARD, 1));
  run(leave(b, 'chat'), join(b, 'chat'), kill(b));
  const toBob = solo.take(bob);
  solo.attach('carl');
  run(join(c, 'chat'), message(u, ['chat'], 'to-carl', Service.RELIABLE, 32767), leave(c, 'chat'));
  run(join(c, 'chat'), kill(c));
  run(leave(u, 'chat'));
  const toUser = solo.take(user);
  expect(solo.gone).toHaveLength(2);
  const expected = framesTo('01-le-member-lifecycle.hex');
  expect(toUser.map((f) => normal(f))).toEqual(expected.slice(0, -1).map((f) => normal(f)));
  run(join(u, 'chat'));
  const again = solo.take(user);
  expect(again.map((f) => normal(f, false))).toEqual(expected.slice(-1).map((f) => normal(f, false)));
  expect(again.map((f) => normal(f))).not.toEqual(expected.slice(0, 1).map((f) => normal(f)));
  expect(toBob.map((f) => normal(f))).toEqual(framesTo('02-le-second-member.hex').map((f) => normal(f)));
});

test('12: two daemons stopped together come back as one set', () => {
  const [alpha, beta, gamma] = [daemon('alpha', 0), daemon('beta', 1), daemon('gamma', 2)];
  let side = together(alpha, beta, gamma);
  const m1 = alpha.attach('m1');
  alpha.attach('m0');
  const m2 = beta.attach('m2');
  gamma.attach('m3');
  side.frames(alpha, join('#m1#alpha', 'trio'));
  side.frames(alpha, join('#m0#alpha', 'trio'));
  side.frames(beta, join('#m2#beta', 'trio'));
  side.frames(gamma, join('#m3#gamma', 'trio'));
  side.transitional(id(2), [alpha]);
  const alone = regular(id(3), [[alpha]]);
  expect(alpha.machine.exchanging).toBe(false);
  alone.transitional(id(4), [alpha]);
  side.transitional(id(5), [beta, gamma]);
  side = regular(id(6), [[alpha], [beta, gamma]]);
  exchange(side.daemons);
  const hex = (frames: Bytes[]): string[] => frames.map((f) => normal(f));
  expect(hex(alpha.take(m1))).toEqual(hex(framesTo('12a-three-way-merge-alpha.hex')));
  expect(hex(beta.take(m2))).toEqual(hex(framesTo('12b-three-way-merge-beta.hex')));
});

function senderOf(b: Bytes): string {
  return Buffer.from(b.subarray(4, 36)).toString('latin1').replace(/\0+$/, '');
}

test('13: messages between TRANSITION and NETWORK', () => {
  const [alpha, beta, gamma] = [daemon('alpha', 0), daemon('beta', 1), daemon('gamma', 2)];
  const side = together(alpha, beta, gamma);
  const a = alpha.attach('a');
  side.frames(gamma, join('#c#gamma', 'evs'));
  side.frames(beta, join('#b#beta', 'evs'));
  side.frames(alpha, join('#a#alpha', 'evs'));
  alpha.take(a);
  // The fixture's own messages, sent again by those who sent them, around the same two notices.
  const expected = splitFrames(bytesTo(fixture('13-evs-transitional-excerpt.hex'), 'D>C'));
  let now = side;
  for (const f of expected) {
    const service = frameService(f, 0);
    if (service === Service.TRANSITION) side.transitional(id(2), [alpha, beta]);
    else if ((service & Service.REG_MEMB) !== 0) now = regular(id(3), [[alpha, beta]]);
    else now.frames(senderOf(f).endsWith('#alpha') ? alpha : beta, f);
  }
  expect(alpha.take(a).map((f) => normal(f))).toEqual(expected.map((f) => normal(f)));
});

test('15a: loss, return and stop of daemons as a member on alpha sees them', () => {
  const [alpha, beta, gamma] = [daemon('alpha', 0), daemon('beta', 1), daemon('gamma', 2)];
  const a1 = alpha.attach('a1');
  alpha.attach('a2');
  const b1 = beta.attach('b1');
  let side = together(alpha, beta, gamma);
  side.frames(alpha, join('#a1#alpha', 'g'));
  side.frames(beta, join('#b1#beta', 'g'));
  side.frames(gamma, join('#c1#gamma', 'g'));
  side.frames(alpha, join('#a2#alpha', 'g'));
  side.frames(alpha, join('#a1#alpha', 'h'));
  side.transitional(id(2), [alpha, beta]);
  side = regular(id(3), [[alpha, beta]]);
  side.frames(alpha, message('#a1#alpha', ['g'], 'after-kill'));
  side.transitional(id(4), [alpha, beta]);
  const gamma2 = new Daemon({ name: 'gamma', place: 2, incarnation: 500n });
  side = regular(id(5), [[alpha, beta]], [gamma2]);
  exchange(side.daemons);
  side.frames(gamma2, join('#c2#gamma', 'g'));
  side.transitional(id(6), [alpha, gamma2]);
  const two = regular(id(7), [[alpha, gamma2]]);
  two.frames(alpha, message('#a1#alpha', ['g'], 'while-stopped', Service.SAFE));
  two.frames(alpha, join('#a2#alpha', 'h'));
  two.transitional(id(8), [alpha, gamma2]);
  side.transitional(id(9), [beta]);
  side = regular(id(10), [[alpha, gamma2], [beta]]);
  exchange(side.daemons);
  side.frames(alpha, message('#a1#alpha', ['g'], 'final'));
  const hex = (frames: Bytes[]): string[] => frames.map((f) => normal(f));
  expect(hex(alpha.take(a1))).toEqual(hex(framesTo('15a-network-alpha-member.hex')));
  // The stopped daemon's member: TRANSITION, then at once the view of all, its own set second at offset 100.
  const last = beta.take(b1).slice(-3, -1);
  expect(last.map((f) => frameService(f, 0))).toEqual([
    Service.TRANSITION,
    Service.REG_MEMB | Service.CAUSED_BY_NETWORK,
  ]);
  expect(readU32(last[1]!, 48 + 4 * NAME_BYTES + 16)).toBe(100);
});
