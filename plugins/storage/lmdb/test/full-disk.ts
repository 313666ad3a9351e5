// What lmdb.test.ts runs under a limit on the size of files: fills storage.lmdb until the system refuses, then says what the
// storage did. One line of JSON on standard output.
import { bind, buildPlugin } from 'peal/compliance';
import { DaemonInfo, PealError, type Storage } from 'peal/plugin';
import plugin from '../index.js';

/** Attempts after the first refusal. */
const STUBBORN = 40;

const ports = [bind(DaemonInfo, { name: 'solo' } as DaemonInfo)];
const options = { path: process.argv[2]!, limit_bytes: '1 GiB' };
const storage = buildPlugin<Storage>({ plugin, options, ports }).instance;
await storage.start?.();
const store = storage.space('a');
const log = store.log('l');
let done = 0;
let codes: string[] = [];
while (codes.length === 0) {
  const writes = [
    store.put(`k${done}`, new Uint8Array(50_000)),
    log.append(new Uint8Array(50_000)),
    store.put('last', new Uint8Array(1)),
  ];
  const results = await Promise.allSettled(writes);
  codes = results.flatMap((r) =>
    r.status === 'fulfilled' ? [] : [r.reason instanceof PealError ? r.reason.code : String(r.reason)],
  );
  if (codes.length === 0) done++;
}
// Whoever goes on is refused each time, and the process lives.
let refused = 0;
for (let i = 0; i < STUBBORN; i++) {
  await new Promise((resolve) => setImmediate(resolve));
  const more = [log.append(new Uint8Array(50_000)), store.put('last', new Uint8Array(50_000))];
  const results = await Promise.allSettled(more);
  if (results.some((r) => r.status === 'rejected')) refused++;
}
let records = 0;
for await (const { value } of store.range({})) records += Math.min(1, value.length);
const { usedBytes } = store.usage();
const before = log.bounds().next;
await storage.stop?.();
process.stdout.write(JSON.stringify({ done, codes, records, next: before, usedBytes, refused }));
