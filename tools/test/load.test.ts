// What `peal load` makes of what arrived.
import { expect, test } from '@jest/globals';
import { sameOrder } from '../load.js';

const whole = { received: 700, marks: [11, 22], order: 33 };

test.each([
  ['all received the same', [whole, whole], true],
  ['one lost its connection and came less far', [whole, { received: 300, marks: [11], order: 17 }], true],
  ['one came as far in another order', [whole, { ...whole, order: 34 }], false],
  [
    'the first came less far, the others differ',
    [{ received: 300, marks: [11], order: 17 }, whole, { ...whole, marks: [11, 23] }],
    false,
  ],
  [
    'the first came less far, the others end differently',
    [{ received: 300, marks: [11], order: 17 }, whole, { ...whole, order: 34 }],
    false,
  ],
  ['one came less far in another order', [whole, { received: 300, marks: [12], order: 17 }], false],
  [
    'nobody received anything',
    [
      { received: 0, marks: [], order: 5 },
      { received: 0, marks: [], order: 5 },
    ],
    true,
  ],
])('one order where %s', (_what, parties, same) => {
  expect(sameOrder(parties)).toBe(same);
});
