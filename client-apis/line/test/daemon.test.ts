// The text port in a real daemon: a client of lines and a client of the binary protocol in one group see the same messages and views in the
// same order.
import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectLine } from 'peal/line';
import { connect, type SessionEvent } from '../../binary/client/index.js';
import { startDaemon } from '../../../core/index.js';

const MESSAGES = 200;

test('lines and binary clients share groups and their order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peal-line-'));
  const file = join(folder, 'peal.ini');
  writeFileSync(
    file,
    `[daemon]\nstate_dir = ${folder}/state\nlog_level = error\n[client.line]\nport = 0\n` +
      `[client.binary]\nport = 0\nunix_socket = ${folder}/socket\n`,
  );
  const daemon = await startDaemon({ file, name: 'solo' });
  try {
    const portOf = (section: string): number => {
      const { plugins } = daemon.status();
      return Number(/:(\d+)/.exec(String(plugins[section]?.['addresses']))?.[1]);
    };
    const ann = await connectLine('127.0.0.1', portOf('client.line'));
    const bob = await connect({ at: `${portOf('client.binary')}@127.0.0.1`, name: 'bob' });
    expect(await ann.session('ann')).toBe('#ann#solo');
    await bob.join('room');
    await ann.join('room');
    const seenByBob: string[] = [];
    const shown = (event: SessionEvent): string | undefined => {
      if (event.kind === 'view') return `view ${event.members.join(' ')}`;
      return event.kind === 'message' ? Buffer.from(event.data).toString() : undefined;
    };
    const events = bob[Symbol.asyncIterator]();
    const sending = (async () => {
      for (let i = 0; i < MESSAGES; i++) {
        bob.multicast('agreed', ['room'], `bob ${i}`);
        await ann.send(['room'], Buffer.from(`ann ${i}`));
      }
    })();
    const seenByAnn: string[] = [];
    while (seenByAnn.length < 2 * MESSAGES + 1) {
      const event = await ann.next();
      if (event === undefined) break;
      if (event.kind === 'view') seenByAnn.push(`view ${event.members.join(' ')}`);
      else if (event.kind === 'message') seenByAnn.push(Buffer.from(event.data).toString());
    }
    await sending;
    while (seenByBob.length < 2 * MESSAGES + 2) {
      const next = await events.next();
      if (next.done === true) break;
      const line = shown(next.value);
      if (line !== undefined) seenByBob.push(line);
    }
    // Bob was there before.
    expect(seenByBob.slice(1)).toEqual(seenByAnn);
    expect(seenByAnn[0]).toBe('view #ann#solo #bob#solo');
    await ann.close();
    await bob.disconnect();
  } finally {
    await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
