// The file of a log: known to be writable before anything starts, and when it fails later nothing stops and nothing is silent.
import { afterAll, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { startDaemon } from '../../core/index.js';
import { Log } from '../../core/log.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

class Console extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

test.each(['.', './no/such/folder/log'])('a daemon does not start with log_file = %s', async (path) => {
  const file = join(folder, 'peal.ini');
  writeFileSync(file, `[daemon]\nlog_file = ${path}\n[link.memory]\n`);
  await expect(startDaemon({ file })).rejects.toMatchObject({ code: 'PEAL_DAEMON_LOG_FILE' });
  expect(existsSync(join(folder, 'no'))).toBe(false);
});

test('lines are appended, and all of them are there when it is closed', async () => {
  const path = join(folder, 'log');
  writeFileSync(path, 'before\n');
  const log = new Log({ level: 'info', file: path });
  for (let i = 0; i < 100; i++) log.logger('part').info(`line ${i}`);
  await log.close();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect([lines.length, lines[0]]).toEqual([101, 'before']);
  expect(lines.at(-1)).toMatch(/ info part: line 99$/);
});

const onLinux = existsSync('/dev/full') ? test : test.skip;
onLinux('a full disk is told once on standard error, and nothing else happens', async () => {
  const stream = new Console();
  const log = new Log({ level: 'info', file: '/dev/full', stream });
  for (let i = 0; i < 3; i++) log.logger('part').info('lost');
  await log.close();
  expect(stream.text).toMatch(/^log lines are lost: \/dev\/full: ENOSPC[^\n]*\n$/);
});
