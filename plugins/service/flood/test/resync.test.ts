// Item 48 of floodd's checklist (docs/floodd.md): when the resync command runs, and what it is told. That an abandoned gap
// leads to it is shown on real sites in faults.test.ts.
import { describe, expect, test } from '@jest/globals';
import type { Command, CommandResult, Logger } from 'peal/plugin';
import type { FloodEvent, MissingRange } from '../machine/types.js';
import { Resync } from '../resync.js';

type Difference = FloodEvent & { readonly kind: 'inconsistent' };

const GAP: MissingRange = { origin: 'o', incarnation: 7, first: 2, last: 3, reason: 'abandoned' };
const LATER: MissingRange = { origin: 'o p', incarnation: 8, first: 5, last: 5, reason: 'dropped-export' };
const differ = (peer: string, group = 'g', reason: Difference['reason'] = 'abandoned'): Difference => ({
  kind: 'inconsistent',
  group,
  peer,
  ranges: [GAP],
  reason,
});

/** A resync command whose runs last until they are told to end. */
class Bench {
  nowMs = 1000;
  readonly runs: { readonly command: Command; readonly end: (result: CommandResult) => void }[] = [];
  readonly warned: string[] = [];
  readonly resync: Resync;

  constructor(command?: string) {
    const log: Logger = {
      error: (line) => this.warned.push(line),
      warn: (line) => this.warned.push(line),
      info: () => undefined,
      debug: () => undefined,
      verbose: false,
      child: () => log,
    };
    this.resync = new Resync({
      command,
      process: { run: (run) => new Promise((end) => this.runs.push({ command: run, end })) },
      clock: { nowMs: () => this.nowMs, wallMs: () => this.nowMs },
      log,
      site: (name) =>
        name === 'p'
          ? { name, hostname: 'h.example', inetAddress: '10.0.0.9', clientPort: 2010, dataPort: 1 }
          : undefined,
      missing: (group) => (group === 'g' ? [GAP, LATER] : undefined),
    });
  }

  /** The last run ends, and what follows from it has happened. */
  async end(status = 0): Promise<void> {
    this.runs.at(-1)!.end({ status, signal: undefined, timedOut: false });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('item 48: the resync command', () => {
  test('is told group, peer, where it is, why, and what is missing', () => {
    const b = new Bench('repair');
    b.resync.differs(differ('p'));
    const { command } = b.runs[0]!;
    expect([command.file, command.args, command.cwd]).toEqual(['/bin/sh', ['-c', 'repair'], undefined]);
    expect(command.env).toEqual({
      FLOODD_GROUP: 'g',
      FLOODD_PEER: 'p',
      FLOODD_PEER_HOST: '10.0.0.9',
      FLOODD_PEER_CLIENT_PORT: '2010',
      FLOODD_REASON: 'abandoned',
    });
    expect(command.input!.map((part) => Buffer.from(part).toString()).join('')).toBe(
      'o 7 2-3 abandoned\no p 8 5-5 dropped-export\n',
    );
  });

  test('runs once at a time and once a minute for each group and peer', async () => {
    const b = new Bench('repair');
    for (let i = 0; i < 3; i++) b.resync.differs(differ('p'));
    expect(b.runs.length).toBe(1);
    b.nowMs += 3_600_000;
    // Still under way, however long it takes.
    b.resync.differs(differ('p'));
    expect(b.runs.length).toBe(1);
    await b.end();
    b.resync.differs(differ('p', 'g', 'ahead'));
    expect(b.runs.length).toBe(2);
    await b.end(3);
    expect(b.warned).toEqual(['the resync command ended with 3']);
    b.nowMs += 59_999;
    b.resync.differs(differ('p'));
    expect(b.runs.length).toBe(2);
    b.nowMs += 1;
    b.resync.differs(differ('p'));
    expect(b.runs.length).toBe(3);
  });

  test('runs for another peer and another group meanwhile', () => {
    const b = new Bench('repair');
    for (const d of [differ('p'), differ('q'), differ('p', 'other'), differ('q')]) b.resync.differs(d);
    expect(b.runs.map((r) => [r.command.env!['FLOODD_GROUP'], r.command.env!['FLOODD_PEER']])).toEqual([
      ['g', 'p'],
      ['g', 'q'],
      ['other', 'p'],
    ]);
    expect(b.runs[1]!.command.env).toMatchObject({ FLOODD_PEER_HOST: '', FLOODD_PEER_CLIENT_PORT: '' });
    expect(b.runs[2]!.command.input!.map((part) => part.length)).toEqual([0]);
  });

  test('does not run when there is none, nor after the end; what runs is ended then', () => {
    const none = new Bench();
    none.resync.differs(differ('p'));
    expect(none.runs.length).toBe(0);
    const b = new Bench('repair');
    b.resync.differs(differ('p'));
    b.resync.stop();
    expect(b.runs[0]!.command.signal!.aborted).toBe(true);
    b.resync.differs(differ('q'));
    expect(b.runs.length).toBe(1);
  });
});
