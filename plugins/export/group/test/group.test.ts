// export.group against the compliance suite of its kind, and what is its own: what the group receives, over sessions that
// are played and in a real daemon.
import { afterAll, describe, expect, test } from '@jest/globals';
import { bind, buildPlugin, pluginCompliance, PlayedSessions } from 'peal/compliance';
import { buildFrame, type Exporter, type MessageEvent, ServiceBits, Sessions } from 'peal/plugin';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryApi } from '../../../../client-apis/memory/index.js';
import { startDaemon } from '../../../../core/index.js';
import { FakeSessions } from '../../../../test/compliance/fake-sessions.js';
import plugin from '../index.js';
import parts, { GROUP, member } from './compliance.setup.js';

const built = (sessions: Sessions, options: Record<string, string> = {}): Exporter =>
  buildPlugin<Exporter>({ plugin, options: { group: GROUP, ...options }, ports: [bind(Sessions, sessions)] }).instance;

pluginCompliance({ describe, test, expect, afterAll }, plugin, { parts });

const batch = (...texts: string[]) => ({
  records: texts.map((text) => ({ id: text, bytes: Buffer.from(text) })),
  labels: {},
});

test('the group receives the records with the level and type of the options, and no view of the sender', async () => {
  const sessions = new FakeSessions();
  const received = member(sessions);
  const exporter = built(sessions, { level: 'safe', type: '-7', session_name: 'flood' });
  await exporter.start?.();
  expect(await exporter.offer(batch('one', 'two'))).toEqual({ ok: true });
  expect(received.map((m) => [m.sender, Buffer.from(m.data).toString(), m.type])).toEqual([
    ['#flood#solo', 'one', -7],
    ['#flood#solo', 'two', -7],
  ]);
  await exporter.stop();
  expect(sessions.ended.map((e) => `${e.name} ${e.reason}`)).toEqual(['flood closed']);
});

test('an ended session fails the batch under way and is opened anew for the next', async () => {
  const sessions = new PlayedSessions();
  const exporter = built(sessions);
  await exporter.start?.();
  const first = exporter.offer(batch('lost', 'too'));
  sessions.opened[0]!.sink.ended('killed');
  expect(await first).toEqual({ ok: false, detail: 'the session was ended: killed' });
  const second = exporter.offer(batch('again'));
  const played = sessions.all.at(-1)!;
  // Somebody else may write to its private group.
  played.sink.deliver(
    buildFrame({ service: ServiceBits.AGREED, sender: '#other#x', groups: [played.privateGroup] }),
    1,
  );
  expect(exporter.describe?.()).toMatchObject({ on_the_way: 1 });
  for (const frame of played.submitted) played.sink.deliver(frame, 1);
  expect(await second).toEqual({ ok: true });
  expect(exporter.describe?.()).toMatchObject({ exported_records: 1, failed_records: 2, on_the_way: 0 });
  await exporter.stop();
});

test('what cannot be is refused: a bad group, a taken name, a record too large for a message', async () => {
  const sessions = new FakeSessions();
  expect(() => built(sessions, { group: '#a#b' })).toThrow("'#a#b' is not a name of a group");
  member(sessions);
  const second = built(sessions, { session_name: 'member' });
  await expect(second.start?.()).rejects.toMatchObject({ code: 'PEAL_EXPORT_GROUP_REFUSED' });
  await second.stop();
  const exporter = built(sessions, { batch_bytes: '1 MiB' });
  expect(exporter.maxBatchBytes).toBe(143_952 - 64);
  await exporter.start?.();
  const large = { records: [{ id: 'x', bytes: new Uint8Array(143_889) }], labels: {} };
  expect(await exporter.offer(large)).toMatchObject({ ok: false });
  expect(await exporter.offer(batch('fits'))).toEqual({ ok: true });
  await exporter.stop();
});

describe('in a daemon', () => {
  const folder = mkdtempSync(join(tmpdir(), 'peal-export-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('what a service exports reaches clients in the group', async () => {
    const file = join(folder, 'peal.ini');
    const text = `[daemon]\nstate_dir = ${folder}/state\nlog_level = error\n`;
    writeFileSync(
      file,
      `${text}[service.memory]\ngroups = news\n[export.group]\ngroup = ${GROUP}\ntype = 3\n[client.memory]\n`,
    );
    const daemon = await startDaemon({ file, name: 'solo' });
    try {
      const api = daemon.instance('client.memory') as MemoryApi;
      const [writer, reader] = ['writer', 'reader'].map((name) => api.connect({ name, membership: false }));
      reader!.join(GROUP);
      for (const text of ['one', 'two']) writer!.multicast({ groups: ['news'], data: Buffer.from(text) });
      const found = [await reader!.next(), await reader!.next()] as MessageEvent[];
      expect(found.map((m) => [m.kind, m.type])).toEqual([
        ['message', 3],
        ['message', 3],
      ]);
      // The service hands out whole frames.
      expect(found.map((m) => Buffer.from(m.data).toString('latin1').slice(-3))).toEqual(['one', 'two']);
    } finally {
      await daemon.stop();
    }
  });
});
