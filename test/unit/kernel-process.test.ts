// The Process port on real commands (core/kernel/process.ts): input, environment, failures, and the end of a whole group.
import { afterAll, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemProcess } from '../../core/kernel/process.js';
import type { Command } from '../../core/plugin/ports.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-process-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(file(name), 'utf8').trim();

const sh = (script: string, more: Partial<Command> = {}) =>
  systemProcess.run({ file: '/bin/sh', args: ['-c', script], env: { OUT: folder }, ...more });
const DONE = { status: 0, signal: undefined, timedOut: false };

/** Is that process there, and not only as a zombie? */
function alive(pid: string): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function appears(name: string): Promise<void> {
  while (!existsSync(file(name)) || read(name) === '') await wait(5);
}

test('input, environment and folder reach it, its output goes nowhere', async () => {
  const input = [Buffer.from('one '), Buffer.alloc(300_000, 'x'), Buffer.from(' end')];
  expect(await sh('cat > $OUT/in; pwd > $OUT/pwd; echo loud; echo louder >&2', { input })).toEqual(DONE);
  expect(read('in')).toBe(`one ${'x'.repeat(300_000)} end`);
  expect(read('pwd')).toBe('/');
});

describe('ends', () => {
  test('by status and by signal', async () => {
    expect(await sh('exit 7')).toEqual({ status: 7, signal: undefined, timedOut: false });
    expect(await sh('kill -9 $$')).toEqual({ status: undefined, signal: 'SIGKILL', timedOut: false });
    expect((await sh('/no/such/command')).status).toBe(127);
    await expect(systemProcess.run({ file: '/no/such/command' })).rejects.toThrow('ENOENT');
  });
  test('without reading 4 MB', async () => {
    expect(await sh('exit 0', { input: [Buffer.alloc(4_194_304)] })).toEqual(DONE);
  });
  test('while a child it left behind goes on', async () => {
    expect(await sh('sleep 60 & echo $! > $OUT/left')).toEqual(DONE);
    expect(alive(read('left'))).toBe(true);
    process.kill(Number(read('left')));
  });
});

describe('a command that hangs', () => {
  test('ends with its children at its timeout', async () => {
    const result = await sh('sleep 60 & echo $! > $OUT/child; sleep 60', { timeoutMs: 200 });
    expect(result).toEqual({ status: undefined, signal: 'SIGTERM', timedOut: true });
    expect(alive(read('child'))).toBe(false);
  });
  test('and does not listen is killed, with a child that listens even less', async () => {
    const script = `trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & echo $! > $OUT/deaf; exec sleep 60`;
    const result = await sh(script, { timeoutMs: 100, killAfterMs: 100 });
    expect(result).toMatchObject({ signal: 'SIGKILL', timedOut: true });
    expect(alive(read('deaf'))).toBe(false);
  });
  test('whose first process ends at once takes its deaf children with it', async () => {
    const script = `(trap '' TERM; echo x > $OUT/set; while :; do sleep 0.05; done) & echo $! > $OUT/deaf2; sleep 60`;
    const abort = new AbortController();
    const run = sh(script, { signal: abort.signal, killAfterMs: 100 });
    await appears('set');
    abort.abort();
    expect(await run).toMatchObject({ signal: 'SIGTERM', timedOut: true });
    expect(alive(read('deaf2'))).toBe(false);
  });
});

describe('output that is asked for', () => {
  test('is there as a whole when it has ended', async () => {
    const { output, ...rest } = await sh('cat; echo end; echo unheard >&2', {
      input: [Buffer.alloc(200_000, 'x')],
      outputBytes: 300_000,
    });
    expect(rest).toEqual(DONE);
    expect(Buffer.from(output!).toString()).toBe(`${'x'.repeat(200_000)}end\n`);
  });
  test('of more than the limit ends the command', async () => {
    const { output, timedOut } = await sh('while :; do echo yyyyyyyy; done', { outputBytes: 10_000 });
    expect(timedOut).toBe(true);
    expect(output!.length).toBeLessThanOrEqual(10_000);
  });
});
