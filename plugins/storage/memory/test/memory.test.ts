// storage.memory against the compliance suite of its kind, and what is its own: one limit for all spaces together.
import { describe, expect, test } from '@jest/globals';
import { buildPlugin, storageCompliance } from 'peal/compliance';
import type { Storage } from 'peal/plugin';
import plugin from '../index.js';

const build = (limit: string): Storage => buildPlugin<Storage>({ plugin, options: { limit_bytes: limit } }).instance;

storageCompliance({ describe, test, expect }, { name: 'memory', create: () => Promise.resolve(build('4 MiB')) });

test('all spaces share limit_bytes', async () => {
  const storage = build('8 KiB');
  await storage.start?.();
  await storage.space('a').put('k', new Uint8Array(4000));
  await expect(storage.space('b').put('k', new Uint8Array(4000))).rejects.toMatchObject({ code: 'PEAL_STORAGE_FULL' });
  await storage.space('a').delete('k');
  await storage.space('b').put('k', new Uint8Array(4000));
  expect(storage.describe?.()).toEqual({ used_bytes: 4513, limit_bytes: 8192, spaces: 2 });
  await storage.stop?.();
  expect(() => storage.space('c')).toThrow('closed');
});
