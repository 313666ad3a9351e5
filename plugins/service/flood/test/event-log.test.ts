// The log of what the machine notices: nobody who reaches the data port can fill a disk with it.
import { expect, test } from '@jest/globals';
import type { Logger } from 'peal/plugin';
import { EventLog } from '../event-log.js';

test('what strangers cause is written so many times a minute, then counted; the rest is always written', () => {
  const lines: string[] = [];
  const write = (text: string, fields?: object): void => void lines.push(`${text} ${JSON.stringify(fields)}`);
  let now = 5;
  const log = new EventLog({ warn: write, error: write, info: write, debug: write } as unknown as Logger, () => now);
  const error = { kind: 'protocol-error', peer: '10.0.0.9', detail: 'malformed magic' } as const;
  for (let i = 0; i < 1000; i++) log.note(error);
  expect(lines.length).toBe(20);
  for (let i = 0; i < 50; i++) log.note({ kind: 'site', site: 'a', state: 'up', why: 'heard' });
  log.note({ kind: 'refused', peer: '10.0.0.9', code: 530, detail: 'not on the list', byUs: true });
  expect(lines.length).toBe(71);
  now += 60_000;
  log.note(error);
  log.note(error);
  expect(lines.slice(71).map((line) => line.includes('"unsaid":980'))).toEqual([true, false]);
});
