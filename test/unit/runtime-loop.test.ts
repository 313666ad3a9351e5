// The loop on Node's own: what waits in a socket is read before a timer that ran out meanwhile.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { NodeLoop } from '../../core/runtime/loop.js';

const sockets: Socket[] = [];
const loops: NodeLoop[] = [];

afterEach(() => {
  for (const s of sockets.splice(0)) s.close();
  for (const l of loops.splice(0)) l.stop();
});

function start(): NodeLoop {
  const loop = new NodeLoop((name, error) => {
    throw new Error(name, { cause: error });
  });
  loops.push(loop);
  loop.start();
  return loop;
}

async function bound(): Promise<Socket> {
  const s = createSocket('udp4');
  sockets.push(s);
  s.bind(0, '127.0.0.1');
  await once(s, 'listening');
  return s;
}

function pauseProcess(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test.each([0, 10])('after a pause of the process a timer of %d ms finds everything read', async (ms) => {
  const loop = start();
  const receiver = await bound();
  const sender = await bound();
  const count = 20;
  let read = 0;
  const source = loop.attach<Buffer>('high', {
    name: 'receiver',
    limit: 8,
    handle: () => (read += 1),
    pause: () => undefined,
    resume: () => undefined,
  });
  receiver.on('message', (bytes) => source.push(bytes));
  const readAtTimer = await new Promise<number>((resolve) => {
    setTimeout(() => {
      for (let i = 0; i < count; i++) sender.send('x', receiver.address().port, '127.0.0.1');
      loop.queueTimer('limit', ms, () => resolve(read));
      pauseProcess(60);
    }, 1);
  });
  expect(readAtTimer).toBe(count);
});

test('timers fire in time, not before it', async () => {
  const loop = start();
  const begun = loop.now();
  const at = await new Promise<number>((resolve) => {
    loop.queueTimer('t', 25, () => resolve(loop.now()));
  });
  expect(at - begun).toBeGreaterThanOrEqual(25);
});

test('a stopped loop keeps nothing alive and handles nothing', async () => {
  const loop = start();
  let seen = 0;
  loop.queueTimer('t', 1, () => (seen += 1));
  loop.stop();
  loop.stop();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(seen).toBe(0);
});
