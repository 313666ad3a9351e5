// The scheduler by hand: order of the turn, threshold, pausing, keyed timers, quiet turn (items 75 to 79 of the
// conformance list of Spread's daemon), on a clock that only moves when told.
import { describe, expect, test } from '@jest/globals';
import type { Source } from '../../core/plugin/loop.js';
import { UNQUIET_LIMIT_MS } from '../../core/runtime/scheduler.js';
import { quiet, World } from './runtime-world.js';

describe('timers', () => {
  test('queueing a key again moves its timer and never makes two (75)', () => {
    const w = quiet();
    w.timer('a', 10);
    w.timer('b', 20);
    w.timer('a', 30);
    w.now = 20;
    w.settle();
    expect(w.seen).toEqual(['b']);
    expect(w.loop.inQueue('a')).toBe(true);
    w.now = 30;
    w.settle();
    w.now = 100;
    w.settle();
    expect(w.seen).toEqual(['b', 'a']);
    expect(w.loop.inQueue('a')).toBe(false);
  });

  test('keys are strings by value and objects by identity', () => {
    const w = quiet();
    const one = {};
    const two = {};
    w.loop.queueTimer(one, 5, () => w.seen.push('one'));
    w.loop.queueTimer(two, 5, () => w.seen.push('two'));
    expect(w.loop.cancelTimer({})).toBe(false);
    expect(w.loop.cancelTimer(one)).toBe(true);
    expect(w.loop.cancelTimer(one)).toBe(false);
    w.now = 5;
    w.settle();
    expect(w.seen).toEqual(['two']);
  });

  test('equal times run in the order of queueing, others in the order of time', () => {
    const w = quiet();
    for (let i = 0; i < 20; i++) w.timer(`t${i}`, i % 2 === 0 ? 8 : 4);
    w.timer('t1', 4);
    w.now = 8;
    w.settle();
    const odd = [3, 5, 7, 9, 11, 13, 15, 17, 19, 1];
    const even = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18];
    expect(w.seen).toEqual([...odd, ...even].map((i) => `t${i}`));
  });

  test('a timer of 0 ms runs after one full poll, not at the end of the running one', () => {
    const w = quiet();
    const s = w.source('high', 'h');
    w.turn(() => w.timer('z', 0));
    expect(w.seen).toEqual([]);
    w.turn(() => s.push('1'));
    expect(w.seen).toEqual(['h:1', 'z']);
  });

  test('a timer of 0 ms that queues itself again lets a poll pass each time', () => {
    const w = quiet();
    let runs = 0;
    const again = (): void => {
      runs++;
      w.loop.queueTimer('z', 0, again);
    };
    w.loop.queueTimer('z', 0, again);
    for (let i = 0; i < 5; i++) w.turn();
    expect(runs).toBe(4);
  });

  test('what was ready when a timer ran out is read before it runs', () => {
    const w = quiet();
    const s = w.source('high', 'h');
    w.timer('limit', 100);
    w.now = 1100;
    w.turn(
      () => s.push('1'),
      () => s.push('2'),
    );
    w.settle();
    expect(w.seen).toEqual(['h:1', 'h:2', 'limit']);
  });

  test('a wake-up that comes early or for a moved timer runs nothing', () => {
    const w = quiet();
    w.timer('a', 10);
    w.timer('a', 50);
    w.now = 10;
    w.settle();
    expect(w.seen).toEqual([]);
    expect(w.wakeAt).toBe(50);
  });

  test('a timer that was put off costs no turn when its former time comes', () => {
    const w = quiet();
    w.timer('beat', 150);
    w.now = 100;
    w.timer('beat', 150);
    w.now = 150;
    w.loop.expired();
    expect([w.turnAsked, w.wakeAt]).toEqual([false, 250]);
    w.now = 250;
    w.settle();
    expect(w.seen).toEqual(['beat']);
  });

  test('a time that is no time is refused', () => {
    const w = quiet();
    expect(() => w.timer('a', -1)).toThrow(RangeError);
    expect(() => w.timer('a', NaN)).toThrow(RangeError);
  });

  test('no timer before the first quiet turn (78)', () => {
    const w = new World();
    const h = w.source('high', 'h');
    const m = w.source('medium', 'm');
    w.timer('t', 0);
    w.loop.start();
    w.now = 5;
    w.turn(() => h.push('1'));
    w.turn(() => m.push('2'));
    w.turn(() => h.push('3'));
    expect(w.seen).toEqual(['h:1', 'm:2', 'h:3']);
    w.settle();
    expect(w.seen.at(-1)).toBe('t');
  });

  test('a start that never gets quiet does not stop the timers for ever', () => {
    const w = new World();
    const h = w.source('high', 'h');
    w.timer('t', 0);
    w.loop.start();
    w.turn(() => h.push('1'));
    expect(w.seen).not.toContain('t');
    w.now = UNQUIET_LIMIT_MS + 1;
    w.turn(() => h.push('2'));
    w.turn(() => h.push('3'));
    expect(w.seen).toContain('t');
  });
});

describe('priorities', () => {
  test('a chunk is handled before push returns when nothing goes first', () => {
    const w = quiet();
    const l = w.source('low', 'l');
    l.push('1');
    expect(w.seen).toEqual(['l:1']);
    expect(l.queued).toBe(0);
  });

  test('HIGH before MEDIUM before one LOW a turn, round robin (76)', () => {
    const w = new World();
    const a = w.source('low', 'a');
    const b = w.source('low', 'b');
    const m = w.source('medium', 'm');
    const h = w.source('high', 'h');
    for (const s of [a, a, b, m, m, h, h]) s.push('.');
    w.loop.start();
    w.turn();
    expect(w.seen.splice(0)).toEqual(['h:.', 'h:.', 'a:.']);
    w.turn();
    expect(w.seen.splice(0)).toEqual(['m:.', 'm:.', 'b:.']);
    w.turn();
    expect(w.seen).toEqual(['a:.']);
  });

  test('at most one LOW of a poll at once, the others in later turns', () => {
    const w = quiet();
    const a = w.source('low', 'a');
    const b = w.source('low', 'b');
    const h = w.source('high', 'h');
    w.turn(
      () => a.push('1'),
      () => a.push('2'),
      () => b.push('1'),
      () => h.push('1'),
    );
    expect(w.seen.splice(0)).toEqual(['a:1', 'h:1']);
    w.turn(() => h.push('2'));
    expect(w.seen.splice(0)).toEqual(['h:2', 'a:2']);
    w.turn(() => a.push('3'));
    expect(w.seen.splice(0)).toEqual(['b:1']);
    w.settle();
    expect(w.seen).toEqual(['a:3']);
  });

  test('nobody counts the turns of a source that alone speaks, once a poll', () => {
    const w = quiet();
    const one = w.source('low', 'one', 10, true);
    const other = w.source('low', 'other', 10, true);
    for (const chunk of ['1', '2', '3']) {
      w.turn(() => one.push(chunk));
      expect(w.turnAsked).toBe(false);
    }
    expect(w.seen.splice(0)).toEqual(['one:1', 'one:2', 'one:3']);
    // Another one: perhaps in the same poll, so that a third has to wait.
    w.turn(
      () => other.push('1'),
      () => one.push('4'),
    );
    expect(w.seen.splice(0)).toEqual(['other:1']);
    w.settle();
    expect(w.seen.splice(0)).toEqual(['one:4']);
    // Who speaks first after the end of a turn is alone again.
    other.push('2');
    expect([w.turnAsked, ...w.seen]).toEqual([false, 'other:2']);
  });

  test('MEDIUM waits for a turn without HIGH', () => {
    const w = quiet();
    const m = w.source('medium', 'm');
    const h = w.source('high', 'h');
    w.turn(
      () => h.push('1'),
      () => m.push('1'),
    );
    expect(w.seen).toEqual(['h:1']);
    w.turn(() => h.push('2'));
    expect(w.seen).toEqual(['h:1', 'h:2']);
    w.settle();
    expect(w.seen).toEqual(['h:1', 'h:2', 'm:1']);
  });

  test('a push from inside a tick waits for its end', () => {
    const w = quiet();
    const inner = w.source('high', 'inner');
    const outer = w.loop.attach<number>('high', {
      name: 'outer',
      limit: 1,
      handle: (n) => {
        inner.push(String(n));
        w.seen.push('outer done');
      },
      pause: () => undefined,
      resume: () => undefined,
    });
    outer.push(1);
    expect(w.seen).toEqual(['outer done']);
    w.settle();
    expect(w.seen).toEqual(['outer done', 'inner:1']);
  });

  test('a source that feeds itself does not hold the turn', () => {
    const w = quiet();
    let handled = 0;
    const s: Source<number> = w.loop.attach<number>('high', {
      name: 's',
      limit: 1,
      handle: (n) => {
        handled++;
        s.push(n + 1);
      },
      pause: () => undefined,
      resume: () => undefined,
    });
    w.turn(() => s.push(0));
    w.turn();
    expect(handled).toBe(3);
  });
});

describe('threshold and pausing', () => {
  test('the threshold holds lower sources back, pauses them, drops nothing and leaves timers alone (77)', () => {
    const w = quiet();
    const l = w.source('low', 'l');
    const m = w.source('medium', 'm');
    w.loop.setThreshold('medium');
    l.push('1');
    l.push('2');
    m.push('1');
    w.timer('t', 5);
    w.now = 5;
    w.settle();
    expect(w.seen.splice(0)).toEqual(['l pause', 'm:1', 't']);
    expect([l.held, l.queued]).toEqual([true, 2]);
    w.loop.setThreshold('high');
    m.push('2');
    w.settle();
    expect(w.seen.splice(0)).toEqual(['m pause']);
    w.loop.setThreshold('low');
    w.settle();
    expect(w.seen).toEqual(['m:2', 'm resume', 'l:1', 'l resume', 'l:2']);
  });

  test('a source is paused at its limit and read again at half of it', () => {
    const w = quiet();
    const l = w.source('low', 'l', 4);
    w.turn(() => {
      for (let i = 0; i < 7; i++) l.push(String(i));
    });
    expect(w.seen.splice(0)).toEqual(['l:0', 'l pause']);
    expect(l.queued).toBe(6);
    w.settle();
    expect(w.seen).toEqual(['l:1', 'l:2', 'l:3', 'l:4', 'l resume', 'l:5', 'l:6']);
  });

  test('deactivated: attached, not read, not handled; active again: all is there (79)', () => {
    const w = quiet();
    const l = w.source('low', 'l');
    l.deactivate();
    l.deactivate();
    l.push('1');
    w.settle();
    expect(w.seen.splice(0)).toEqual(['l pause']);
    l.activate();
    w.settle();
    expect(w.seen.splice(0)).toEqual(['l resume', 'l:1']);
    l.push('2');
    expect(w.seen).toEqual(['l:2']);
  });

  test('activation does not override the threshold', () => {
    const w = quiet();
    const l = w.source('low', 'l');
    l.deactivate();
    l.push('1');
    w.loop.setThreshold('medium');
    l.activate();
    w.settle();
    expect(w.seen).toEqual(['l pause']);
    w.loop.setThreshold('low');
    w.settle();
    expect(w.seen).toEqual(['l pause', 'l:1', 'l resume']);
  });

  test('a closed source is gone with what it had', () => {
    const w = quiet();
    const l = w.source('low', 'l');
    w.loop.setThreshold('medium');
    l.push('1');
    l.close();
    l.push('2');
    w.loop.setThreshold('low');
    w.settle();
    expect(w.seen).toEqual(['l pause']);
    expect([l.queued, l.held]).toEqual([0, false]);
  });
});

describe('ticks', () => {
  test('hooks run once at the end of every tick: chunk, timer, run; a nested run is a part of its tick', () => {
    const w = quiet();
    const off = w.loop.onTickEnd(() => w.seen.push('end'));
    const h = w.source('high', 'h');
    h.push('1');
    w.timer('t', 1);
    w.now = 1;
    w.settle();
    w.loop.run('outer', () => w.loop.run('inner', () => w.seen.push('run')));
    expect(w.seen.splice(0)).toEqual(['h:1', 'end', 't', 'end', 'run', 'end']);
    off();
    h.push('2');
    expect(w.seen).toEqual(['h:2']);
  });

  test('a handler that throws is reported with its name and ends the loop', () => {
    const w = quiet();
    const bad = w.loop.attach<number>('low', {
      name: 'client.bad',
      limit: 1,
      handle: () => {
        throw new Error('no');
      },
      pause: () => undefined,
      resume: () => undefined,
    });
    const h = w.source('high', 'h');
    w.timer('t', 0);
    bad.push(1);
    expect(w.failures).toEqual(['client.bad: no']);
    h.push('1');
    w.settle();
    expect(w.seen).toEqual([]);
  });

  test('the five slowest handlers are remembered, each once, with its longest run', () => {
    const w = quiet();
    for (const [name, ms] of [
      ['a', 3],
      ['b', 9],
      ['a', 5],
      ['c', 1],
      ['d', 7],
      ['e', 2],
      ['f', 4],
      ['b', 8],
    ] as const)
      w.loop.run(name, () => (w.now += ms));
    expect(w.loop.slowest().map((s) => `${s.name} ${s.ms}`)).toEqual(['b 9', 'd 7', 'a 5', 'f 4', 'e 2']);
  });
});

describe('a chunk whose memory the feeder uses again', () => {
  test('is handled as it is where it need not wait, and is kept as `keep` answers where it must', () => {
    const w = quiet();
    const shared = { text: '' };
    const source = w.loop.attach<{ text: string }>('low', {
      name: 'reader',
      handle: (chunk) => w.seen.push(`${chunk.text} ${chunk === shared ? 'itself' : 'kept'}`),
      keep: ({ text }) => ({ text }),
      pause: () => undefined,
      resume: () => undefined,
      limit: 2,
    });
    const read = (text: string): void => {
      shared.text = text;
      source.push(shared);
    };
    w.turn(() => {
      read('one');
      read('two');
      read('three');
    });
    w.settle();
    expect(w.seen).toEqual(['one itself', 'two kept', 'three kept']);
  });
});

describe('where cores are short', () => {
  const world = (): World => {
    const w = quiet();
    w.coresShort = true;
    w.loop.onTickEnd(() => w.seen.push('out'));
    return w;
  };

  test('what the chunks of one poll caused leaves once, before anything else of the end of the turn', () => {
    const w = world();
    const [h, l, other] = [w.source('high', 'h'), w.source('low', 'l'), w.source('low', 'o')];
    w.timer('t', 0);
    w.turn();
    w.turn(
      () => h.push('1'),
      () => h.push('2'),
      () => l.push('1'),
      () => other.push('1'),
    );
    expect(w.seen).toEqual(['h:1', 'h:2', 'l:1', 'out', 't', 'out']);
    w.settle();
    expect(w.seen.slice(6)).toEqual(['o:1', 'out']);
  });

  test('a `run` lets everything leave at once, and nothing is left for the end', () => {
    const w = world();
    const h = w.source('high', 'h');
    w.turn(
      () => h.push('1'),
      () => w.loop.run('r', () => w.seen.push('r')),
    );
    expect(w.seen).toEqual(['h:1', 'r', 'out']);
    w.settle();
    expect(w.seen).toHaveLength(3);
  });

  test('a handler that stops the loop has its end of tick', () => {
    const w = world();
    const h = w.source('high', 'h');
    w.loop.queueTimer('never', 0, () => w.seen.push('never'));
    const s = w.loop.attach<string>('high', {
      name: 's',
      limit: 1,
      handle: () => w.loop.stop(),
      pause: () => undefined,
      resume: () => undefined,
    });
    w.turn(
      () => h.push('1'),
      () => s.push('1'),
    );
    expect(w.seen).toEqual(['h:1', 'out']);
  });

  test('enough cores again: each chunk by itself', () => {
    const w = world();
    const h = w.source('high', 'h');
    w.turn(
      () => h.push('1'),
      () => {
        w.coresShort = false;
        h.push('2');
      },
    );
    w.settle();
    expect(w.seen).toEqual(['h:1', 'h:2', 'out']);
  });
});
