// The tcp medium against the medium suite; ends of ticks, and what is refused within one.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MediumHost } from '../../../test/compliance/medium-host.js';
import { mediumCompliance } from '../../../test/compliance/medium.js';
import { TcpMedium } from '../medium.js';
import { freeAddresses } from './ports.js';
import { tcpOptions, timers } from './timers.js';

mediumCompliance(
  { describe, test, expect },
  {
    name: 'tcp',
    tcpPort: true,
    addresses: freeAddresses,
    create: (list, { smallQueues }) =>
      new TcpMedium(tcpOptions(smallQueues ? 128 * 1024 : 16 * 1024 * 1024), list, timers),
  },
);

describe('ends of ticks', () => {
  const hosts: MediumHost[] = [];
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close();
  });

  async function pairUp(queueBytes: number): Promise<[MediumHost, MediumHost]> {
    const list = await freeAddresses(2);
    for (const address of list) {
      const medium = new TcpMedium(tcpOptions(queueBytes), list, timers);
      hosts.push(new MediumHost(medium, { address, incarnation: 7n, listHash: 1 }));
    }
    for (const host of hosts) await host.open();
    for (const host of hosts) host.peers(list);
    const [one, two] = hosts as [MediumHost, MediumHost];
    await Promise.all([
      one.until(() => one.connected.size === 1, 'up'),
      two.until(() => two.connected.size === 1, 'up'),
    ]);
    return [one, two];
  }

  test('what is sent leaves by itself, and with `flush` alone for who has called it', async () => {
    const [one, two] = await pairUp(1024 * 1024);
    one.send('all', 'data', Uint8Array.of(1));
    await two.until(() => two.heard.length === 1, 'the first');
    one.medium.flush!();
    one.send('all', 'data', Uint8Array.of(2));
    await sleep(30);
    expect(two.heard).toHaveLength(1);
    one.medium.flush!();
    await two.until(() => two.heard.length === 2, 'the second');
  });

  test('head and body arrive as one message, whether they left in one piece of memory or in two', async () => {
    const [one, two] = await pairUp(1024 * 1024);
    const head = Uint8Array.of(1, 2, 3);
    const sent: Buffer[] = [];
    for (const to of ['all', 1] as const) {
      // 4 KB is the most that leaves in one.
      for (const bytes of [1, 4096 - 4, 4096 - 3, 4096 - 2, 60_000]) {
        const body = Uint8Array.from({ length: bytes }, (_, i) => i % 251);
        expect(one.send(to, 'data', head, body)).toBe(true);
        sent.push(Buffer.concat([head, body]));
      }
      expect(one.send(to, 'data', head)).toBe(true);
      sent.push(Buffer.from(head));
    }
    await two.until(() => two.heard.length === sent.length, 'all of them');
    expect(two.heard.map((h) => Buffer.compare(h.bytes, sent.shift()!))).toEqual(two.heard.map(() => 0));
  });

  test('refused within a tick: there is room again although the system took all at its end', async () => {
    const [one, two] = await pairUp(128 * 1024);
    one.medium.flush!();
    let sent = 0;
    while (one.send('all', 'data', new Uint8Array(40_000))) sent++;
    expect(sent).toBe(3);
    one.medium.flush!();
    await one.until(() => one.writables.length === 1, 'room');
    expect(one.send('all', 'data', new Uint8Array(10))).toBe(true);
    one.medium.flush!();
    await two.until(() => two.heard.length === sent + 1, 'all of it');
  });
});
