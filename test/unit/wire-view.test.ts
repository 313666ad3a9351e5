// Views in the layout before 4.0.0, for old clients (docs/spread.md): the run that others get as well stays as it is.
import { expect, test } from '@jest/globals';
import { buildFrame, frameBytes, NAME_BYTES, Service, writeName, writeU32 } from '../../core/wire/frame.js';
import { oldViews, SETS_COUNT_OFFSET, SETS_OFFSET } from '../../core/wire/view.js';

/** A view of one member, caused by its join. */
function view(): Uint8Array {
  const body = new Uint8Array(SETS_OFFSET + 4 + NAME_BYTES);
  writeU32(body, SETS_COUNT_OFFSET, 1);
  writeU32(body, SETS_OFFSET, 1);
  writeName(body, SETS_OFFSET + 4, '#a#alpha');
  const service = Service.REG_MEMB | Service.CAUSED_BY_JOIN;
  return buildFrame({ service, sender: 'g', groups: ['#a#alpha'], body });
}

test.each([
  ['memory of its own', (b: Uint8Array) => new Uint8Array(b)],
  ['a Buffer', (b: Uint8Array) => Buffer.from(b)],
])('a run with a view in %s is not changed', (_, make) => {
  const message = buildFrame({ service: Service.AGREED, sender: '#a#alpha', groups: ['g'], body: new Uint8Array(9) });
  const frames = Uint8Array.of(...message, ...view(), ...message);
  const run = make(frames);
  const old = oldViews(run);
  expect(new Uint8Array(run)).toEqual(frames);
  expect(old.length).toBeLessThan(run.length);
  expect(new Uint8Array(old.subarray(0, message.length))).toEqual(message);
  const last = message.length + frameBytes(old, message.length);
  expect(new Uint8Array(old.subarray(last))).toEqual(message);
});

test('a run without a view is handed on', () => {
  const run = buildFrame({ service: Service.AGREED, sender: '#a#alpha', groups: ['g'] });
  expect(oldViews(run)).toBe(run);
});
