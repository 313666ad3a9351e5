// What a site keeps in durable storage and takes up again (docs/design/flood.md, section 12), and that damaged records cost
// only themselves.
import { expect, test } from '@jest/globals';
import { Stage } from '../../../../test/sim/flood/stage.js';

const TWO = ['a', 'b'];

function stage(): Stage {
  return new Stage({ sites: TWO, durable: TWO, group: { updatePeriodMs: 0 } }).start();
}

test('queues survive a kill: what waited for a site arrives after the restart', () => {
  const s = stage();
  s.site('b').kill();
  s.submit('a', 'waits');
  s.wait(1000).site('a').kill();
  expect([...s.site('a').disk.keys()].map((k) => k[0]).sort()).toEqual(expect.arrayContaining(['i', 'l', 'q', 'u']));
  s.start('a', 'b').wait(5000);
  expect(s.exported.get('b')).toEqual(['waits']);
  expect(s.exported.get('a')).toEqual(['waits']);
});

test('what was seen is known after a restart, and what was done leaves nothing behind', () => {
  const s = stage();
  s.submit('a', 'x');
  s.wait(2000).site('b').kill();
  s.start('b').wait(3000);
  expect(s.exported.get('b')).toEqual(['x']);
  expect(s.machine('b').missing('g')).toEqual([]);
  for (const name of TWO)
    expect([...s.site(name).disk.keys()].filter((k) => k.startsWith('u/') || k.startsWith('q/'))).toEqual([]);
});

test('an export that was under way is done again after a kill, in a new incarnation', () => {
  const s = stage();
  s.site('a').outside.exportMs = 60_000;
  s.submit('a', 'x');
  s.wait(1000).site('a').kill();
  s.site('a').outside.exportMs = 20;
  s.start('a').wait(2000);
  expect(s.exported.get('a')).toEqual(['x', 'x']);
});

test('damaged records are deleted, the others are taken up', () => {
  const s = stage();
  s.site('b').kill();
  for (const u of ['1', '2', '3']) s.submit('a', u);
  s.wait(1000).site('a').kill();
  const { disk } = s.site('a');
  const updates = [...disk.keys()].filter((k) => k.startsWith('u/')).sort();
  expect(updates.length).toBe(3);
  disk.set(updates[0]!, Uint8Array.from([1, 2, 3]));
  disk.set('l/g/nobody/1', new TextEncoder().encode('(:have "nobody" 1'));
  disk.set('nonsense', new Uint8Array(10));
  s.start('a', 'b').wait(5000);
  expect(s.exported.get('b')).toEqual(['2', '3']);
  for (const key of ['l/g/nobody/1', 'nonsense', updates[0]!]) expect([key, disk.has(key)]).toEqual([key, false]);
});
