// The folder of a daemon: made with all above it, private, or a coded error at once (core/kernel/state-dir.ts).
import { afterAll, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeStateDir } from '../../core/kernel/state-dir.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('it is made with all above it, for the owner alone', () => {
  const path = join(folder, 'a', 'b', 'c');
  makeStateDir(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  makeStateDir(path);
});

test('a file in the way', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeStateDir(join(folder, 'file', 'below'))).toThrow(
    expect.objectContaining({ code: 'PEAL_DAEMON_STATE_DIR' }),
  );
});

// Node's own recursive mkdir never returns there.
(existsSync('/proc/self') ? test : test.skip)('a place that takes no folders', () => {
  expect(() => makeStateDir('/proc/peal/alpha')).toThrow(expect.objectContaining({ code: 'PEAL_DAEMON_STATE_DIR' }));
});
