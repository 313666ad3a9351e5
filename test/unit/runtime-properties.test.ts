// Properties over random runs: the timer queue against a sorted list, and the output queue against the plain sequence.
import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { Outbound, OUTBOUND_DEFAULTS } from '../../core/plugin/outbound/index.js';
import type { AppendLog, LogRecord } from '../../core/plugin/storage.js';
import { TimerQueue } from '../../core/runtime/timer-queue.js';
import { quiet } from './runtime-world.js';

test('the timer queue is a list sorted by time and order of queueing, one entry per key', () => {
  const op = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key: fc.nat(12), due: fc.nat(20) }),
    fc.record({ kind: fc.constant('delete' as const), key: fc.nat(12) }),
    fc.record({ kind: fc.constant('take' as const) }),
  );
  fc.assert(
    fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
      const queue = new TimerQueue();
      let model: { key: string; due: number; order: number }[] = [];
      let order = 0;
      for (const o of ops) {
        if (o.kind === 'set') {
          const key = String(o.key);
          queue.set(key, o.due, 0, () => undefined);
          model = [...model.filter((m) => m.key !== key), { key, due: o.due, order: order++ }];
          model.sort((a, b) => a.due - b.due || a.order - b.order);
        } else {
          const key = o.kind === 'delete' ? String(o.key) : (model[0]?.key ?? '');
          expect(queue.delete(key)).toBe(model.some((m) => m.key === key));
          model = model.filter((m) => m.key !== key);
        }
        expect(queue.first()?.key).toBe(model[0]?.key);
        expect(queue.size).toBe(model.length);
      }
    }),
  );
});

/** A log whose answers come when told. */
class SlowLog implements AppendLog {
  private records: LogRecord[] = [];
  private next = 1;
  private waiting: (() => void)[] = [];

  private later<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.waiting.push(() => resolve(value)));
  }
  answer(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
  append(bytes: Uint8Array): Promise<number> {
    this.records.push({ number: this.next, bytes });
    return this.later(this.next++);
  }
  read(from: number): Promise<readonly LogRecord[]> {
    return this.later(this.records.filter((r) => r.number >= from).slice(0, 2));
  }
  trim(upTo: number): Promise<void> {
    this.records = this.records.filter((r) => r.number > upTo);
    return this.later(undefined);
  }
  bounds(): { first: number; next: number } {
    return { first: this.records[0]?.number ?? this.next, next: this.next };
  }
  drop(): Promise<void> {
    this.records = [];
    return Promise.resolve();
  }
}

test.each(['block', 'spill'] as const)(
  'policy %s: everything arrives once and in order, however the reader stumbles',
  (policy) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('deliver', 'flush', 'stick', 'release', 'answer', 'wait'), { maxLength: 120 }),
        async (steps) => {
          let written = '';
          let stuck = false;
          let held = 0;
          let drained = (): void => undefined;
          const log = new SlowLog();
          const said: string[] = [];
          const out = new Outbound(
            {
              write(chunks) {
                for (const c of chunks) written += Buffer.from(c).toString();
                if (stuck) held += 1;
                return !stuck;
              },
              pending: () => held,
              onDrain: (fn) => void (drained = fn),
            },
            {
              loop: quiet().loop,
              name: 'test',
              congested: (on) => said.push(on ? 'congested' : 'free'),
              sendBlocked: () => false,
              kick: (reason, detail) => said.push(`kick ${reason} ${detail}`),
              notice: () => undefined,
              spill: () => log,
            },
            { ...OUTBOUND_DEFAULTS, policy, limitMessages: 3 },
          );
          let expected = '';
          const step = async (what: string): Promise<void> => {
            if (what === 'deliver') {
              const text = `${expected.length % 10}`;
              expected += text;
              out.deliver(Buffer.from(text), 1);
            } else if (what === 'flush') out.flush();
            else if (what === 'stick') stuck = true;
            else if (what === 'release') {
              stuck = false;
              const tell = held > 0;
              held = 0;
              if (tell) drained();
            } else if (what === 'answer') log.answer();
            for (let i = 0; i < 10; i++) await Promise.resolve();
          };
          for (const what of steps) {
            await step(what);
            expect(expected.startsWith(written)).toBe(true);
          }
          const allDone = (): boolean => written === expected && held === 0;
          for (let i = 0; i < 500 && !allDone(); i++)
            for (const what of ['flush', 'release', 'answer']) await step(what);
          expect(written).toBe(expected);
          expect(said.filter((s) => s.startsWith('kick'))).toEqual([]);
          if (policy === 'block') expect(said.filter((_s, i) => i % 2 === 1).every((s) => s === 'free')).toBe(true);
          expect(out.info()).toMatchObject({ waitingMessages: 0, spilledMessages: 0, blocked: false });
        },
      ),
    ),
);
