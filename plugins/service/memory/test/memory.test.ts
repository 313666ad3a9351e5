// service.memory against the compliance suite of its kind, and what is its own: it keeps, replays and exports.
import { describe, expect, test } from '@jest/globals';
import { bind, type Binding, buildPlugin, PlayedSessions, serviceCompliance } from 'peal/compliance';
import { buildFrame, Exporter, type Service, ServiceBits, Sessions, type Storage, Store } from 'peal/plugin';
import exportMemory, { type MemoryExporter } from '../../../export/memory/index.js';
import storageMemory from '../../../storage/memory/index.js';
import plugin from '../index.js';

async function build(options: Record<string, string>, ports: readonly Binding[]): Promise<Service> {
  const storage = buildPlugin<Storage>({ plugin: storageMemory }).instance;
  await storage.start?.();
  const own = [bind(Store, storage.space('keeper')), bind<Exporter | undefined>(Exporter, undefined)];
  return buildPlugin<Service>({ plugin, options, ports: [...own, ...ports] }).instance;
}

serviceCompliance(
  { describe, test, expect },
  { name: 'memory', groups: ['news', 'prices'], create: (ports) => build({ groups: 'news, prices' }, ports) },
);

const message = (groups: string[], body: string, sender = '#a#x'): Uint8Array =>
  buildFrame({ service: ServiceBits.AGREED, sender, groups, type: 7, body: new TextEncoder().encode(body) });

/** The bodies of what was submitted to that group. */
function sentTo(sessions: PlayedSessions, group: string): string[] {
  return sessions.all.flatMap((s) =>
    s.submitted
      .map((f) => Buffer.from(f).toString('latin1'))
      .filter((f) => f.slice(48, 48 + group.length) === group)
      .map((f) => f.slice(80)),
  );
}

/** Promises of the in-memory parts have run their course. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('joins its groups, keeps the last messages and replays them', async () => {
  const sessions = new PlayedSessions();
  const service = await build({ groups: 'news', keep_messages: '2' }, [bind(Sessions, sessions)]);
  await service.start();
  expect(sentTo(sessions, 'news')).toEqual(['']);
  for (const text of ['one', 'two', 'three']) sessions.deliver(message(['news'], text), 1);
  sessions.deliver(message(['other'], 'unheard'), 1);
  await settled();
  sessions.deliver(message(['#keeper#suite'], 'news', '#asker#x'), 1);
  sessions.deliver(message(['#keeper#suite'], 'other', '#asker#x'), 1);
  await settled();
  expect(sentTo(sessions, '#asker#x')).toEqual(['two', 'three', '']);
  expect(service.describe?.()).toMatchObject({ kept: 3, lost: 0, replays: 1 });
  await service.stop();
});

test('exports what it keeps', async () => {
  const sessions = new PlayedSessions();
  const exporter = buildPlugin<MemoryExporter>({ plugin: exportMemory }).instance;
  await exporter.start?.();
  const service = await build({ groups: 'news' }, [bind(Sessions, sessions), bind<Exporter>(Exporter, exporter)]);
  await service.start();
  for (const text of ['one', 'two']) sessions.deliver(message(['news'], text), 1);
  for (let i = 0; exporter.records().length < 2 && i < 1000; i++) await settled();
  expect(exporter.records().map((r) => r.id)).toEqual(['news 1', 'news 2']);
  await service.stop();
  await exporter.stop();
});
