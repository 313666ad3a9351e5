// Options that describe themselves: units, ranges, hints (core/plugin/options.ts, option-values.ts).
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatValue, nearestName, type OptionRow, type OptionTable, parseValue, readOptions } from 'peal/plugin';

const doc = 'A.';

test.each<[OptionRow, string, unknown]>([
  [{ type: 'int', doc }, '12', 12],
  [{ type: 'int', doc }, '-3', -3],
  [{ type: 'int', doc }, '1.5', undefined],
  [{ type: 'int', doc }, '12 s', undefined],
  [{ type: 'int', doc }, '9007199254740993', undefined],
  [{ type: 'port', doc }, '65536', undefined],
  [{ type: 'port', doc }, '0', 0],
  [{ type: 'port', doc, min: 1 }, '0', undefined],
  [{ type: 'duration', doc }, '1500', 1500],
  [{ type: 'duration', doc }, '1.5 s', 1500],
  [{ type: 'duration', doc }, '2min', 120_000],
  [{ type: 'duration', doc }, '-1', undefined],
  [{ type: 'duration', doc }, '3 KiB', undefined],
  [{ type: 'bytes', doc }, '64 KiB', 65_536],
  [{ type: 'bytes', doc }, '1M', 1_048_576],
  [{ type: 'bytes', doc, max: 10 }, '11', undefined],
  [{ type: 'bool', doc }, 'Yes', true],
  [{ type: 'bool', doc }, 'off', false],
  [{ type: 'bool', doc }, '1', undefined],
  [{ type: 'enum', values: ['a', 'b'], doc }, 'b', 'b'],
  [{ type: 'enum', values: ['a', 'b'], doc }, 'c', undefined],
  [{ type: 'list', doc }, ' a, b ,,c', ['a', 'b', 'c']],
  [{ type: 'list', maxItems: 1, doc }, 'a, b', undefined],
  [{ type: 'list', values: ['a', 'b'], doc }, 'b,a', ['b', 'a']],
  [{ type: 'list', values: ['a', 'b'], doc }, '', []],
  [{ type: 'list', values: ['a', 'b'], doc }, 'a, c', undefined],
  [{ type: 'string', maxLength: 2, doc }, 'abc', undefined],
  [{ type: 'address', doc }, '127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  [{ type: 'address', doc }, '[::1]:80', { host: '::1', port: 80 }],
  [{ type: 'address', doc }, 'localhost', { host: 'localhost', port: 0 }],
  [{ type: 'address', doc }, '::1', undefined],
  [{ type: 'address', doc }, 'a:70000', undefined],
])('%j of %j is %j', (row, text, value) => {
  const parsed = parseValue(row, text);
  expect(parsed.ok ? parsed.value : undefined).toEqual(value);
});

test('a formatted value reads as the same value again', () => {
  const rows: readonly [OptionRow, fc.Arbitrary<number>][] = [
    [{ type: 'int', doc }, fc.maxSafeInteger()],
    [{ type: 'bytes', doc }, fc.maxSafeNat()],
    [{ type: 'duration', doc }, fc.maxSafeNat()],
  ];
  for (const [row, values] of rows)
    fc.assert(fc.property(values, (v) => expect(parseValue(row, formatValue(v))).toEqual({ ok: true, value: v })));
});

test('a table is read in one go, with every error', () => {
  const table = {
    port: { type: 'port', default: 1, doc },
    must_be: { type: 'string', required: true, doc },
    limit_bytes: { type: 'bytes', default: 8, max: 100, doc },
    where: { type: 'address', default: '127.0.0.1:5', doc },
    file: { type: 'path', default: './x', doc },
  } as const satisfies OptionTable;
  const read = (entries: Record<string, string>) =>
    readOptions(table, new Map(Object.entries(entries).map(([k, value]) => [k, { value }])), {
      section: 'client.x',
      resolvePath: (p) => `/base/${p}`,
    });
  const bad = read({ prot: '1', port: 'x', limit_bytes: '101', __proto__: '1' });
  expect(bad.errors.map((e) => e.code)).toEqual([
    'PEAL_OPTION_UNKNOWN',
    'PEAL_OPTION_MALFORMED',
    'PEAL_OPTION_MISSING',
    'PEAL_OPTION_RANGE',
  ]);
  expect(bad.errors[0]?.remedy).toBe("did you mean 'port'?");
  const good = read({ must_be: 'here' });
  expect(good.errors).toEqual([]);
  expect(good.options).toEqual({
    port: 1,
    mustBe: 'here',
    limitBytes: 8,
    where: { host: '127.0.0.1', port: 5 },
    file: '/base/./x',
  });
  expect(good.effective.find((e) => e.name === 'must_be')?.from).toBe('given');
});

test('the nearest name is given only when it is near', () => {
  expect(nearestName('tokentimeout_ms', ['port', 'token_timeout_ms'])).toBe('token_timeout_ms');
  expect(nearestName('zzz', ['port', 'token_timeout_ms'])).toBeUndefined();
});

test('an error shows no more of a value than tells it from others', () => {
  const table = { level: { type: 'enum', values: ['a', 'b'], doc } } satisfies OptionTable;
  const { errors } = readOptions(table, new Map([['level', { value: 'x'.repeat(100_000) }]]), { section: 'link.l' });
  expect(errors[0]!.message).toBe(`'${'x'.repeat(60)}...' is not a value for 'level' of [link.l]`);
});
