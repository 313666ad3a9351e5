// export.command against the compliance suite of its kind, and what is its own: environment, attempts, timeouts, its end.
import { afterAll, describe, expect, test } from '@jest/globals';
import { bind, buildPlugin, exportCompliance } from 'peal/compliance';
import { type Exporter, type ExportResult, type Offer, Timers } from 'peal/plugin';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import plugin from '../index.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const file = (): string => join(folder, String(count));
const fresh = (): string => join(folder, String(++count));
const read = (path: string): string => readFileSync(path, 'latin1');

/** The waits that were asked for; each takes no time. */
const waits: number[] = [];
const hasty = bind<Timers>(Timers, {
  set: (ms, fn) => {
    waits.push(ms);
    return setTimeout(fn, 0);
  },
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
});
const built = (command: string, options: Record<string, string> = {}, ports = [hasty]): Exporter =>
  buildPlugin<Exporter>({ plugin, options: { command, retries: '0', ...options }, ports }).instance;

exportCompliance(
  { describe, test, expect },
  {
    name: 'command',
    create: () => Promise.resolve(built(`cat >> ${fresh()}`)),
    createSlow: () => Promise.resolve(built('sleep 60', { stop_wait_ms: '50' }, [])),
    createFailing: () => Promise.resolve(built('exit 3')),
    arrived: () => Promise.resolve(existsSync(file()) ? [{ id: '', bytes: readFileSync(file()) }] : []),
  },
);

async function taken(offer: Offer): Promise<ExportResult> {
  if (offer === 'busy') throw new Error('busy');
  return offer;
}
const record = (text: string) => ({ id: `site 7 ${text}`, bytes: Buffer.from(text) });

async function with_(exporter: Exporter, body: () => Promise<void>): Promise<void> {
  await exporter.start?.();
  try {
    await body();
  } finally {
    await exporter.stop();
  }
}

test('the environment tells of the batch and its labels, the folder is the root', async () => {
  const path = fresh();
  const exporter = built(`cat > /dev/null; (pwd; env | grep '^X_' | sort) > ${path}`, { env_prefix: 'X_' });
  await with_(exporter, async () => {
    const labels = { site: 'here', 'odd name': 'a\0b\nc', group: 'g 1' };
    expect(await taken(exporter.offer({ records: [record('one'), record('three')], labels }))).toEqual({ ok: true });
  });
  expect(read(path).split('\n')).toEqual([
    '/',
    'X_BYTES=8',
    'X_COUNT=2',
    'X_GROUP=g 1',
    'X_INDEX=site 7 one 3',
    'X_ODD_NAME=a?b?c',
    'X_SITE=here',
    '',
  ]);
});

test('the index holds whole lines up to 8 KiB', async () => {
  const path = fresh();
  const exporter = built(`cat > /dev/null; printf %s "$FLOODD_INDEX" > ${path}`);
  await with_(exporter, async () => {
    const records = Array.from({ length: 2000 }, (_, i) => record(`${i}`));
    expect(await taken(exporter.offer({ records, labels: {} }))).toEqual({ ok: true });
  });
  const index = read(path);
  expect(index.length).toBeLessThanOrEqual(8192);
  expect(index.length).toBeGreaterThan(8150);
  expect(
    index
      .trimEnd()
      .split('\n')
      .every((line, i) => line === `site 7 ${i} ${String(i).length}`),
  ).toBe(true);
});

describe('attempts', () => {
  const failTwice = (path: string): string => `cat >> ${path}; echo >> ${path}; [ $(wc -l < ${path}) -ge 3 ]`;
  test('the same batch again after 1 and 5 seconds, then progress', async () => {
    const path = fresh();
    waits.length = 0;
    const exporter = built(failTwice(path), { retries: '3' });
    await with_(exporter, async () => {
      expect(await taken(exporter.offer({ records: [record('a'), record('b')], labels: {} }))).toEqual({ ok: true });
      expect(await taken(exporter.offer({ records: [record('c')], labels: {} }))).toEqual({ ok: true });
      expect(exporter.describe?.()).toMatchObject({ runs: 4, failed_runs: 2, exported_records: 3, failed_records: 0 });
    });
    expect(read(path)).toBe('ab\nab\nab\nc\n');
    expect(waits).toEqual([1000, 5000]);
  });
  test('are over after the last, and the next batch is tried', async () => {
    const path = fresh();
    waits.length = 0;
    const exporter = built(`read x; [ "$x" = good ] && echo $x >> ${path}`, { retries: '4' });
    await with_(exporter, async () => {
      const bad = await taken(exporter.offer({ records: [record('bad\n')], labels: {} }));
      expect(bad).toEqual({ ok: false, detail: 'it ended with 1, 5 attempts were made' });
      expect(await taken(exporter.offer({ records: [record('good\n')], labels: {} }))).toEqual({ ok: true });
      expect(exporter.describe?.()).toMatchObject({ runs: 6, failed_runs: 5, exported_records: 1, failed_records: 1 });
    });
    expect(read(path)).toBe('good\n');
    expect(waits).toEqual([1000, 5000, 30_000, 30_000]);
  });
  test('a command that is missing or killed fails, one that reads nothing of 4 MB does not', async () => {
    const details: string[] = [];
    for (const command of ['/no/such/thing', 'kill -9 $$', 'exit 0']) {
      const exporter = built(command);
      await with_(exporter, async () => {
        const result = await taken(
          exporter.offer({ records: [{ id: 'x', bytes: Buffer.alloc(4_194_304) }], labels: {} }),
        );
        details.push(result.ok ? 'ok' : result.detail);
      });
    }
    expect(details).toEqual([
      'it ended with 127, 1 attempts were made',
      'it ended with SIGKILL, 1 attempts were made',
      'ok',
    ]);
  });
});

test('a run that hangs is ended with its children, and counted', async () => {
  const path = fresh();
  const exporter = built(`sleep 60 & echo $! > ${path}; wait`, { timeout_ms: '200' }, []);
  await with_(exporter, async () => {
    const result = await taken(exporter.offer({ records: [record('x')], labels: {} }));
    expect(result).toMatchObject({ ok: false, detail: 'it took longer than 200 ms, 1 attempts were made' });
    expect(exporter.describe?.()).toMatchObject({ timeouts: 1, busy: false });
    const stat = existsSync(`/proc/${read(path).trim()}/stat`) ? read(`/proc/${read(path).trim()}/stat`) : '';
    expect(stat).toMatch(/^$|\) Z /);
  });
});

describe('the end of the daemon', () => {
  test('lets a short run finish', async () => {
    const path = fresh();
    const exporter = built(`echo begun > ${path}; cat >> ${path}`, {}, []);
    await exporter.start?.();
    const offer = exporter.offer({ records: [record('all')], labels: {} });
    while (!existsSync(path)) await wait(2);
    await exporter.stop();
    expect(await taken(offer)).toEqual({ ok: true });
    expect(read(path)).toBe('begun\nall');
  });
  test('gives up a batch that waits for its next attempt', async () => {
    const exporter = built('exit 1', { retries: '3' }, []);
    await exporter.start?.();
    const offer = exporter.offer({ records: [record('x')], labels: {} });
    while (exporter.describe?.()['failed_runs'] !== 1) await wait(2);
    await exporter.stop();
    expect(await taken(offer)).toEqual({ ok: false, detail: 'it ended with 1, then the daemon stopped' });
  });
  test('asks the kernel for the time it needs', () => {
    expect(built('true', { stop_wait_ms: '7 s' }).stopMs).toBe(12_000);
  });
});

test('an export script in the manner of the original runs unchanged', async () => {
  const base = fresh();
  for (const name of ['bin', 'data']) mkdirSync(join(base, name), { recursive: true });
  const mirror = '#!/bin/sh\nbase=${0%/bin/*}; echo "$@" >> "$base/told"; cat >> "$base/taken"\n';
  writeFileSync(join(base, 'bin', 'mirror'), mirror, { mode: 0o755 });
  const script = fileURLToPath(new URL('../../../../../test/fixtures/floodd/take-in', import.meta.url));
  const exporter = built(`REPLICA_BASE=${base} /bin/sh ${script}`);
  await with_(exporter, async () => {
    for (const text of ['one ', 'two '])
      expect(await taken(exporter.offer({ records: [record(text)], labels: { client_port: '2010' } }))).toEqual({
        ok: true,
      });
  });
  expect(read(join(base, 'taken'))).toBe('one two ');
  expect(read(join(base, 'told'))).toBe('--flood localhost:2010\n--flood localhost:2010\n');
  expect(readdirSync(join(base, 'data'))).toEqual(['log.update']);
});
