// export.file against the compliance suite of its kind, and what is its own: the form of records, torn ends, rotation,
// flushing, and what happens when the file cannot be written.
import { afterAll, describe, expect, test } from '@jest/globals';
import { bind, type Binding, buildPlugin, type Built, exportCompliance } from 'peal/compliance';
import { Clock, type Exporter, type ExportResult, Timers } from 'peal/plugin';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import plugin from '../index.js';
import { type Whole, wholeRecords } from '../record.js';

const base = mkdtempSync(join(tmpdir(), 'peal-file-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
let path = '';
/** A path in a folder of its own. */
function fresh(): string {
  const folder = join(base, String(++count));
  mkdirSync(folder);
  path = join(folder, 'out');
  return path;
}
const built = (options: Record<string, string> = {}, ports: Binding[] = []): Built<Exporter> =>
  buildPlugin<Exporter>({ plugin, options: { path, ...options }, ports });
const files = (): string[] => readdirSync(dirname(path)).sort();

async function recordsIn(file: string): Promise<{ id: string; bytes: Buffer }[]> {
  const bytes = readFileSync(file);
  const found = [];
  for await (const { about, bytesAt, length } of wholeRecords(file))
    found.push({ id: about['id']!, bytes: bytes.subarray(bytesAt, bytesAt + length) });
  return found;
}

/** One that cannot put its file aside, because the folder goes when it has started. */
async function failing(): Promise<Exporter> {
  appendFileSync(fresh(), 'old');
  const exporter = built({ rotate_bytes: '1', format: 'raw', retries: '0' }).instance;
  const start = exporter.start!.bind(exporter);
  exporter.start = async () => {
    await start();
    rmSync(dirname(path), { recursive: true });
  };
  return Promise.resolve(exporter);
}

for (const format of ['records', 'raw'])
  exportCompliance(
    { describe, test, expect },
    {
      name: `file, ${format}`,
      create: () => {
        fresh();
        return Promise.resolve(built({ format }).instance);
      },
      createFailing: failing,
      arrived: () => (format === 'raw' ? Promise.resolve([{ id: '', bytes: readFileSync(path) }]) : recordsIn(path)),
    },
  );

async function put(exporter: Exporter, ...texts: string[]): Promise<ExportResult> {
  const records = texts.map((text) => ({ id: `id ${text}`, bytes: Buffer.from(text) }));
  const offer = exporter.offer({ records, labels: { site: 'here', group: 'g "1"\n' } });
  return offer === 'busy' ? { ok: false, detail: 'busy' } : offer;
}

async function running({ instance }: Built<Exporter>, body: (exporter: Exporter) => Promise<unknown>): Promise<void> {
  await instance.start?.();
  try {
    await body(instance);
  } finally {
    await instance.stop();
  }
}

test('a record is a line about it, its bytes and a line end; the checksum can be made with common tools', async () => {
  fresh();
  await running(built(), (exporter) => put(exporter, 'hello', 'a\nb'));
  const about = (id: string): string => `{"site":"here","group":"g \\"1\\"\\n","id":"${id}"}`;
  const sum = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
  const [one, two] = [about('id hello'), about('id a\nb').replace('\n', '\\n')];
  expect(readFileSync(path, 'utf8')).toBe(
    `#peal 5 ${sum(`5 ${one}\nhello`)} ${one}\nhello\n#peal 3 ${sum(`3 ${two}\na\nb`)} ${two}\na\nb\n`,
  );
});

describe('a torn end', () => {
  test('of any length is set aside, and the file goes on behind the last whole record', async () => {
    fresh();
    await running(built(), (exporter) => put(exporter, 'first'));
    const whole = readFileSync(path);
    await running(built(), (exporter) => put(exporter, 'second'));
    const both = readFileSync(path);
    for (let size = whole.length + 1; size < both.length; size++) {
      writeFileSync(path, both.subarray(0, size));
      const again = built();
      await running(again, async (exporter) => {
        expect(readFileSync(path).equals(whole)).toBe(true);
        await put(exporter, 'third');
      });
      expect((await recordsIn(path)).map((r) => r.id)).toEqual(['id first', 'id third']);
      expect(again.logged.join('')).toContain(`bytes=${size - whole.length}`);
      expect(readFileSync(`${path}.torn`).equals(both.subarray(whole.length, size))).toBe(true);
      rmSync(`${path}.torn`);
    }
  });
  test('that was changed instead of cut is found by its checksum; nothing that was set aside is written over', async () => {
    fresh();
    await running(built(), (exporter) => put(exporter, 'first', 'second'));
    const good = readFileSync(path);
    const first = (await wholeRecords(path).next()).value as Whole;
    const ends: Buffer[] = [];
    for (let i = first.end; i < good.length; i++) {
      const bad = Buffer.from(good);
      bad[i]! ^= 1;
      writeFileSync(path, bad);
      await running(built(), () => Promise.resolve());
      expect(readFileSync(path).equals(good.subarray(0, first.end))).toBe(true);
      ends.push(bad.subarray(first.end));
    }
    expect(files().length).toBe(1 + ends.length);
    expect(readFileSync(`${path}.torn-2`).equals(ends[1]!)).toBe(true);
  });
  test('with a claim of a huge length, or without any line end, takes no memory', async () => {
    fresh();
    for (const end of ['#peal 999999999999999 0123456789abcdef {}\nx', 'x'.repeat(300_000), '\0'.repeat(1000)]) {
      writeFileSync(path, end);
      await running(built(), async (exporter) => expect(await put(exporter, 'new')).toEqual({ ok: true }));
      expect((await recordsIn(path)).map((r) => r.id)).toEqual(['id new']);
    }
  });
  test('of a raw file cannot be seen', async () => {
    fresh();
    writeFileSync(path, 'half a rec');
    await running(built({ format: 'raw' }), (exporter) => put(exporter, 'ord'));
    expect(readFileSync(path, 'utf8')).toBe('half a record');
  });
});

describe('rotation', () => {
  const at = (ms: () => number): Binding => bind<Clock>(Clock, { nowMs: ms, wallMs: ms });
  const NOON = Date.UTC(2026, 10, 21, 12);
  test('by size, before a batch would pass it; the same moment twice is no matter', async () => {
    fresh();
    const texts = ['aaaa', 'bbbb', 'cccccccccccc', 'dd', 'ee'];
    await running(built({ format: 'raw', rotate_bytes: '10' }, [at(() => NOON)]), async (exporter) => {
      for (const text of texts) expect(await put(exporter, text)).toEqual({ ok: true });
      expect(exporter.describe?.()).toMatchObject({ rotated: 2, bytes: 4 });
    });
    const aside = `out.20261121T120000000Z`;
    expect(files()).toEqual(['out', aside, `${aside}-2`]);
    const content = files().map((f) => readFileSync(join(dirname(path), f), 'utf8'));
    expect(content).toEqual(['ddee', 'aaaabbbb', 'cccccccccccc']);
  });
  test('by age, and only the last are kept', async () => {
    fresh();
    let now = NOON;
    const options = { format: 'raw', rotate_after_ms: '1 min', keep_files: '2' };
    await running(built(options, [at(() => now)]), async (exporter) => {
      for (let i = 0; i < 10; i++) {
        await put(exporter, String(i));
        now += 30_000;
      }
    });
    expect(files().length).toBe(3);
    const content = files().map((f) => readFileSync(join(dirname(path), f), 'utf8'));
    expect(content).toEqual(['89', '45', '67']);
  });
});

describe('flushing', () => {
  test('by the clock, once for all that came in between, and at the end', async () => {
    fresh();
    const armed: { ms: number; fn: () => void }[] = [];
    const timers = bind<Timers>(Timers, {
      set: (ms, fn) => {
        armed.push({ ms, fn });
        return {};
      },
      cancel: () => undefined,
    });
    await running(built({ fsync_interval_ms: '70 ms' }, [timers]), async (exporter) => {
      for (const text of ['a', 'b', 'c']) await put(exporter, text);
      expect(armed.map(({ ms }) => ms)).toEqual([70]);
      armed[0]!.fn();
      expect(await put(exporter, 'd')).toEqual({ ok: true });
      expect(armed.length).toBe(2);
    });
    expect((await recordsIn(path)).length).toBe(4);
  });
});

describe('what cannot be written', () => {
  const failure = async (): Promise<string> => {
    const { instance } = built();
    const error = await Promise.resolve(instance.start?.()).then(() => 'started', String);
    await instance.stop();
    return error;
  };
  test('a folder, a pipe, a device, a folder that is not there', async () => {
    fresh();
    mkdirSync(path);
    expect(await failure()).toContain('PEAL_EXPORT_FILE_OPEN');
    fresh();
    execFileSync('mkfifo', [path]);
    expect(await failure()).toContain('is no plain file');
    path = '/dev/full';
    expect(await failure()).toContain('is no plain file');
    path = join(base, 'no', 'such', 'folder');
    expect(await failure()).toContain('PEAL_EXPORT_FILE_OPEN');
  });
  test('a batch that failed is not in the file, and the next is', async () => {
    fresh();
    const folder = dirname(path);
    await running(built({ format: 'raw', rotate_bytes: '1', retries: '0' }), async (exporter) => {
      await put(exporter, 'first');
      rmSync(folder, { recursive: true });
      expect((await put(exporter, 'second')).ok).toBe(false);
      expect((await put(exporter, 'third')).ok).toBe(false);
      mkdirSync(folder);
      expect(await put(exporter, 'fourth')).toEqual({ ok: true });
      expect(exporter.describe?.()).toMatchObject({ runs: 4, failed_runs: 2, exported_records: 2, failed_records: 2 });
    });
    expect(readFileSync(path, 'utf8')).toBe('fourth');
    expect(existsSync(path)).toBe(true);
    truncateSync(path);
  });
  const waits = (waited: (ms: number) => void): Binding =>
    bind<Timers>(Timers, {
      set: (ms, fn) => {
        waited(ms);
        const timer = setImmediate(fn);
        return { cancel: () => clearImmediate(timer) };
      },
      cancel: () => undefined,
    });
  test('what fails for a while is tried again, and is there once', async () => {
    fresh();
    const folder = dirname(path);
    const waited: number[] = [];
    const timers = waits((ms) => {
      waited.push(ms);
      if (waited.length === 2) mkdirSync(folder);
    });
    const options = { format: 'raw', rotate_bytes: '1', fsync: 'none' };
    await running(built(options, [timers]), async (exporter) => {
      await put(exporter, 'first');
      rmSync(folder, { recursive: true });
      expect(await put(exporter, 'second')).toEqual({ ok: true });
      expect(exporter.describe?.()).toMatchObject({ runs: 4, failed_runs: 2, exported_records: 2, failed_records: 0 });
    });
    expect(waited).toEqual([1000, 5000]);
    expect(readFileSync(path, 'utf8')).toBe('second');
  });
  test('what fails for long is given up, in the midst of a flush by the clock too', async () => {
    fresh();
    const waited: number[] = [];
    const options = { format: 'raw', rotate_bytes: '1', fsync_interval_ms: '70 ms' };
    await running(built(options, [waits((ms) => waited.push(ms))]), async (exporter) => {
      const first = put(exporter, 'first');
      await first;
      rmSync(dirname(path), { recursive: true });
      const result = await put(exporter, 'second');
      expect(result).toMatchObject({ ok: false, detail: expect.stringMatching(/4 attempts were made$/) });
    });
    expect(waited).toEqual([70, 1000, 5000, 30_000]);
  });
  test('a stop ends the wait for the next attempt', async () => {
    fresh();
    let waits = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    const timers = bind<Timers>(Timers, { set: () => (waits(), {}), cancel: () => undefined });
    const options = { format: 'raw', rotate_bytes: '1', fsync: 'none' };
    let result: Promise<ExportResult> | undefined;
    await running(built(options, [timers]), async (exporter) => {
      await put(exporter, 'first');
      rmSync(dirname(path), { recursive: true });
      result = put(exporter, 'second');
      await waiting;
    });
    expect(await result).toMatchObject({ ok: false, detail: expect.stringMatching(/then the daemon stopped$/) });
  });
  test('a disk that is full: the batch is refused and leaves nothing behind, a smaller one fits', async () => {
    fresh();
    const script = fileURLToPath(new URL('full-disk.js', import.meta.url));
    // Blocks of 512 bytes: 1 MiB.
    const words = ['-c', 'ulimit -f 2048; exec "$0" "$@"', process.execPath, script, path];
    const results = JSON.parse(execFileSync('/bin/sh', words).toString()) as string[];
    expect(results).toEqual([...Array<string>(10).fill('ok'), ...Array<string>(10).fill('failed'), 'ok']);
    const ids = (await recordsIn(path)).map((r) => r.id);
    expect(ids).toEqual([...Array.from({ length: 20 }, (_, i) => `${i >> 1} ${i & 1}`), '20 0', '20 1']);
    expect(files()).toEqual(['out']);
  });
});
