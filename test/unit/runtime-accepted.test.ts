// How accepted sockets are read (core/plugin/accepted.ts), on real ones: in order, once a turn, and not while paused.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { READ_BYTES, readAccepted } from '../../core/plugin/accepted.js';

const MIB = 1024 * 1024;
const open: Socket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** Both ends of a connection; nobody reads the accepted one yet. */
async function pair(): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  open.push(client, accepted);
  return { client, accepted };
}

test('much that waits is read once a turn, and all of it comes in order', async () => {
  const { client, accepted } = await pair();
  const said = Buffer.alloc(4 * MIB);
  for (let i = 0; i < said.length; i += 4) said.writeUInt32LE(i, i);
  client.end(said);
  let turn = 0;
  let fullIn = -1;
  let often = 0;
  const got: Buffer[] = [];
  const next = (): void => {
    turn++;
    if (!accepted.readableEnded) setImmediate(next);
  };
  readAccepted(accepted, (chunk) => {
    if (fullIn === turn) often++;
    if (chunk.length === READ_BYTES) fullIn = turn;
    got.push(Buffer.from(chunk));
  });
  accepted.resume();
  next();
  await once(accepted, 'end');
  expect(Buffer.concat(got).equals(said)).toBe(true);
  expect([fullIn > 0, often]).toEqual([true, 0]);
});

test('after pause nothing comes, also when the last read was full; after resume it goes on', async () => {
  const { client, accepted } = await pair();
  client.end(Buffer.alloc(4 * MIB, 1));
  let bytes = 0;
  let after = 0;
  readAccepted(accepted, (chunk) => {
    bytes += chunk.length;
    if (accepted.isPaused()) after++;
    accepted.pause();
    setTimeout(() => accepted.resume(), 1);
  });
  accepted.resume();
  await once(accepted, 'end');
  expect(bytes).toBe(4 * MIB);
  expect(after).toBe(0);
});
