// What waits in a connected socket is read without events: all of it once and in order, of nobody else, and not when closed.
import { afterEach, expect, test } from '@jest/globals';
import type { Socket } from 'node:dgram';
import { closeSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { Arrivals, numberOf } from '../arrivals.js';
import { Line } from '../line.js';
import { closed, connected, listen } from '../socket.js';
import { HOST, udpOptions } from './world.js';

/** Events of a turn after which a line reads on, and what it reads then at the most. */
const EVENTS = 6;
const MOST = 64;

const HAND_OVER_MS = 10;
/** Turns of the event loop until a line is sure that nothing old is left. */
const TURNS = 4;

const sockets: Socket[] = [];

afterEach(async () => {
  await Promise.all(sockets.splice(0).map(closed));
});

interface End {
  readonly socket: Socket;
  /** First bytes of what came as events. */
  readonly events: number[];
  readonly port: number;
}

async function end(): Promise<End> {
  const events: number[] = [];
  const socket = await listen(HOST, 0, udpOptions(), (b) => events.push(b[0]!));
  sockets.push(socket);
  return { socket, events, port: socket.address().port };
}

/** A line connected to the other end, which is connected to it, and what the system said of it. */
async function linePair(): Promise<{ line: Line; here: End; there: End; failures: string[] }> {
  const [here, there] = [await end(), await end()];
  await connected(here.socket, HOST, there.port);
  await connected(there.socket, HOST, here.port);
  const failures: string[] = [];
  const line = new Line(1 << 20, new Arrivals(), { failed: (code) => failures.push(code), drained: () => undefined });
  await line.use(here.socket);
  await turns();
  return { line, here, there, failures };
}

async function turns(count = TURNS): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** As many events of that turn as it takes, of datagrams of that length; first bytes of what was read on. */
function read(line: Line, turn: number, events = EVENTS, length = 1): number[] {
  const got: number[] = [];
  for (let i = 0; i < events; i++) line.readOn(turn, length, (b) => got.push(b[0]!));
  return got;
}

/** When this returns what was sent waits at the other end: on loopback the system hands it over at once, or a little later if busy. */
function sendAll(from: End, count: number, bytes = 100): void {
  for (let i = 0; i < count; i++) from.socket.send(new Uint8Array(bytes).fill(i));
  handedOver();
}

function handedOver(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HAND_OVER_MS);
}

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);

test('this Node tells the number of a socket; one that does not is asked for nothing', async () => {
  const { socket } = await end();
  expect(numberOf(socket)).toBeGreaterThan(2);
  expect(numberOf({})).toBeUndefined();
});

test('what waits is read in order after six events of one turn, and after one where that was worth it', async () => {
  const { line, there } = await linePair();
  sendAll(there, 20);
  expect(read(line, 1, EVENTS - 1)).toEqual([]);
  // Another turn, another count.
  expect(read(line, 2, EVENTS - 1)).toEqual([]);
  expect(read(line, 2, 1)).toEqual(numbers(20));
  sendAll(there, 3);
  expect(read(line, 3, 1)).toEqual(numbers(3));
  // Three were not.
  sendAll(there, 3);
  expect(read(line, 4, 1)).toEqual([]);
  expect(read(line, 4, EVENTS - 1)).toEqual(numbers(3));
});

test('no more than 64 at a time, so that others are read too', async () => {
  const { line, there } = await linePair();
  sendAll(there, MOST + 6);
  expect(read(line, 1)).toEqual(numbers(MOST));
  expect(read(line, 2, 1)).toEqual(numbers(6, MOST));
});

test('sizes are kept, and each has memory that nothing else is written to', async () => {
  const { line, there } = await linePair();
  // Three times more than half of a slab.
  const sizes = [0, 1, 1472, 60_000, 9000, 61_440];
  const got: Uint8Array[] = [];
  for (let round = 0; round < 3; round++) {
    sizes.forEach((size, i) => there.socket.send(new Uint8Array(size).fill(10 * round + i)));
    handedOver();
    for (let i = 0; i < EVENTS; i++) line.readOn(1 + round, 1, (b) => got.push(b));
  }
  expect(got.map((b) => b.length)).toEqual([...sizes, ...sizes, ...sizes]);
  got.forEach((b, i) => {
    const filled = 10 * Math.floor(i / sizes.length) + (i % sizes.length);
    expect(b.every((v) => v === filled)).toBe(true);
  });
});

test('where events bring large ones nothing is read on: they come as events, all', async () => {
  const { line, here, there } = await linePair();
  sendAll(there, 10);
  expect(read(line, 1, EVENTS, 8972)).toEqual([]);
  await turns(10);
  expect(here.events).toEqual(numbers(10));
});

test('what came before the socket was connected comes as events, which tell from whom', async () => {
  const [here, there, stranger] = [await end(), await end(), await end()];
  await connected(stranger.socket, HOST, here.port);
  await connected(there.socket, HOST, here.port);
  const line = new Line(1 << 20, new Arrivals(), { failed: () => undefined, drained: () => undefined });
  // More than one turn of the event loop reads.
  sendAll(stranger, 100);
  // No turn of it until the line is in use: connecting to an address needs none.
  await connected(here.socket, HOST, there.port);
  await line.use(here.socket);
  expect(read(line, 1)).toEqual([]);
  const early: number[] = [];
  here.socket.on('message', () => early.push(...read(line, 1 + here.events.length)));
  await turns(100);
  expect([here.events, early]).toEqual([numbers(100), []]);
  sendAll(stranger, 5);
  there.socket.send(Uint8Array.of(99));
  handedOver();
  expect(read(line, 200)).toEqual([99]);
});

test('so does what came while the system refused what we sent', async () => {
  const [here, gone, stranger] = [await end(), await end(), await end()];
  await connected(stranger.socket, HOST, here.port);
  sockets.splice(sockets.indexOf(gone.socket), 1);
  await closed(gone.socket);
  const failures: string[] = [];
  const line = new Line(1 << 20, new Arrivals(), { failed: (code) => failures.push(code), drained: () => undefined });
  sendAll(stranger, 100);
  await connected(here.socket, HOST, gone.port);
  await line.use(here.socket);
  const early: number[] = [];
  here.socket.on('message', () => early.push(...read(line, 1 + here.events.length)));
  // An error is told before what waits, and ends the turn of reading.
  for (let i = 0; i < 10; i++) {
    line.send(Uint8Array.of(i), true);
    handedOver();
    await turn();
  }
  await turns(100);
  expect(failures).toContain('ECONNREFUSED');
  expect([here.events, early]).toEqual([numbers(100), []]);
});

test('who is closed by what it read reads nothing more', async () => {
  const { line, here, there } = await linePair();
  sockets.splice(sockets.indexOf(here.socket), 1);
  sendAll(there, 10);
  const got: number[] = [];
  let gone: Promise<void> | undefined;
  let file: number | undefined;
  const number = numberOf(here.socket);
  for (let i = 0; i < EVENTS; i++)
    line.readOn(1, 1, (b) => {
      got.push(b[0]!);
      if (gone !== undefined) return;
      gone = line.close();
      file = openSync('/dev/zero', 'r');
    });
  await gone;
  if (file !== undefined) closeSync(file);
  // It got the number that the socket had.
  expect(file).toBe(number);
  expect(got).toEqual([0]);
  expect(read(line, 2)).toEqual([]);
});

test('what the system says of a send that failed is told, and what waits is not lost', async () => {
  const { line, there, failures } = await linePair();
  sockets.splice(sockets.indexOf(there.socket), 1);
  sendAll(there, 2);
  await closed(there.socket);
  line.send(Uint8Array.of(1), true);
  handedOver();
  const got = [...read(line, 1), ...read(line, 2)];
  expect([...got, ...failures]).toEqual([0, 1, 'ECONNREFUSED']);
});
