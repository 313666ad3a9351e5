// What a pair does when the other side is no well-behaved medium, or dies: README.md, "A pair".
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Address } from 'peal/plugin';
import { MediumHost } from '../../../test/compliance/medium-host.js';
import { TcpMedium } from '../medium.js';
import { FakePeer } from './fake-peer.js';
import { HOST, freeAddresses } from './ports.js';
import { tcpOptions, timers } from './timers.js';

const LIST_HASH = 0x12345678;
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function pairUp(): Promise<{ host: MediumHost; peer: FakePeer; list: readonly Address[] }> {
  const { host, peer, list } = await apart();
  host.peers(list);
  await peer.dial('control');
  await peer.dial('data');
  await host.until(() => host.connected.has(1), 'up');
  return { host, peer, list };
}

async function apart(): Promise<{ host: MediumHost; peer: FakePeer; list: readonly Address[] }> {
  const list = await freeAddresses(2);
  const medium = new TcpMedium(tcpOptions(1024 * 1024), list, timers);
  const host = new MediumHost(medium, { address: list[0]!, incarnation: 5n, listHash: LIST_HASH });
  const peer = new FakePeer(list[1]!, list[0]!);
  closing.push(
    () => peer.close(),
    () => host.close(),
  );
  await host.open();
  await peer.listen();
  return { host, peer, list };
}

describe('a pair', () => {
  test('a peer whose port refuses after a break is refused', async () => {
    const { host, peer } = await pairUp();
    await peer.close();
    await host.until(() => host.downs.length === 1, 'down');
    expect(host.downs[0]!.why.kind).toBe('refused');
  });

  test('a peer that takes the new dial and says nothing is unanswered', async () => {
    const { host, peer } = await pairUp();
    peer.answering = false;
    peer.dropAll();
    await host.until(() => host.downs.length === 1, 'down');
    expect(host.downs[0]!.why.kind).toBe('unanswered');
  });

  test('a peer that answers the new dial lost the connection, and comes up afresh', async () => {
    const { host, peer } = await pairUp();
    peer.life++;
    peer.dropAll();
    await host.until(() => host.downs.length === 1, 'down');
    expect(host.downs[0]!.why.kind).toBe('lost');
    await peer.dial('control');
    await peer.dial('data');
    await host.until(() => host.connected.has(1), 'up again');
  });

  test('a new incarnation ends the old pair', async () => {
    const { host, peer } = await pairUp();
    peer.incarnation++;
    void peer.dial('control');
    await host.until(() => host.downs.length === 1, 'down');
    expect(host.downs[0]!.why.kind).toBe('restarted');
  });

  test('an older incarnation and an older life are turned away while the pair is up', async () => {
    const { host, peer } = await pairUp();
    peer.incarnation--;
    expect((await peer.dial('control')).length).toBe(0);
    peer.incarnation++;
    peer.life--;
    expect((await peer.dial('control')).length).toBe(0);
    expect(host.downs.length).toBe(0);
  });

  test.each([0, 65 * 1024, 0xffffffff])('a message of claimed length %d breaks the pair', async (length) => {
    const { host, peer } = await pairUp();
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(length);
    peer.accepted.get('data')!.write(bytes);
    await host.until(() => host.downs.length === 1, 'down');
    expect(host.heard.length).toBe(0);
  });

  test('bytes on the connection that we only write break the pair', async () => {
    const { host, peer } = await pairUp();
    peer.dialled.get('data')!.write('hello again');
    await host.until(() => host.downs.length === 1, 'down');
  });

  test('messages cut at every place are put together again', async () => {
    const { host, peer } = await pairUp();
    const bytes = Buffer.from([3, 0, 0, 0, 1, 2, 3, 1, 0, 0, 0, 9]);
    const socket = peer.accepted.get('control')!;
    socket.setNoDelay(true);
    for (const byte of bytes) {
      socket.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    await host.until(() => host.heard.length === 2, 'two messages');
    expect(host.heard.map((h) => h.bytes.join())).toEqual(['1,2,3', '9']);
  });
});

test('messages that come before the pair is up wait for it, and reading goes on afterwards', async () => {
  const { host, peer } = await apart();
  await peer.dial('data');
  const socket = await peer.answered('data');
  for (let i = 0; i < 3; i++) {
    socket.write(Uint8Array.of(1, 0, 0, 0, i));
    await new Promise(setImmediate);
  }
  await peer.dial('control');
  await host.until(() => host.heard.length === 3, 'what came early');
  socket.write(Uint8Array.of(1, 0, 0, 0, 3));
  await host.until(() => host.heard.length === 4, 'what came later');
  expect(host.heard.map((h) => h.bytes[0])).toEqual([0, 1, 2, 3]);
});

describe('a hello that is not right', () => {
  test('for another place: an answer, then the end, and noise', async () => {
    const { host, peer } = await apart();
    expect((await peer.dial('data', peer.hello('data', 3))).length).toBe(26);
    await host.until(() => host.noises.length === 1, 'noise');
    expect(host.noises[0]).toContain('place 3');
  });

  test('of another version: noise that names both', async () => {
    const { host, peer } = await apart();
    const hello = peer.hello('data');
    hello[4] = 9;
    expect((await peer.dial('data', hello)).length).toBe(0);
    expect(host.noises[0]).toContain(`dialled from ${HOST}, but it speaks version 9, we speak 1`);
  });

  test('of a place that is not in the list, or from an address that is not its own', async () => {
    const { host, peer, list } = await apart();
    const hello = peer.hello('data');
    hello[6] = 44;
    await peer.dial('data', hello);
    await host.until(() => host.noises.length === 1, 'noise');
    const stranger = new FakePeer({ ...list[1]!, host: '127.0.0.1' }, list[0]!);
    closing.push(() => stranger.close());
    await stranger.dial('data');
    await host.until(() => host.noises.length === 2, 'noise');
    expect(host.noises[1]).toContain('the list has it at');
  });
});
