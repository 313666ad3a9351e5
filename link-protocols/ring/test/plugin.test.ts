// The plugin about the ring: its options reach the machine, and a list that no token holds is refused with a code.
import { expect, test } from '@jest/globals';
import { DaemonInfo, isPlugin, readOptions, type Link, type Scope } from 'peal/plugin';
import plugin from '../index.js';
import { MAX_MEMBERS } from '../limits.js';
import { options } from '../options.js';

function scope(daemons: number): Scope {
  const list = Array.from({ length: daemons }, (_, place) => ({
    name: `d${place}`,
    host: '127.0.0.1',
    port: 1,
    place,
  }));
  const get = (port: unknown): unknown => {
    expect(port).toBe(DaemonInfo);
    return { list };
  };
  const read = readOptions(options, new Map(), { section: 'link.ring' });
  return { options: read.options, section: 'link.ring', get, find: get, inner: () => [] } as Scope;
}

test('it makes a link that orders, over udp unless told otherwise', () => {
  expect(isPlugin(plugin)).toBe(true);
  const s = scope(MAX_MEMBERS);
  expect((plugin.create!(s) as Link).totalOrder).toBe(true);
  expect(s.options['over']).toBe('udp');
});

test('more daemons than a token holds are refused', () => {
  expect(() => plugin.create!(scope(MAX_MEMBERS + 1))).toThrow(
    expect.objectContaining({ code: 'PEAL_LINK_RING_TOO_MANY' }),
  );
});
