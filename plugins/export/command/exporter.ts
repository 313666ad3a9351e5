// Runs the command with one batch at a time: attempts with waits between them, a time limit on each, and an end in good
// order when the daemon stops. Nobody waits for it: a second batch is answered 'busy' (core/plugin/export.ts).
import {
  type ExportBatch,
  type Exporter,
  type ExportResult,
  type Logger,
  type Offer,
  type Process,
  reasonOf,
  type TimerHandle,
  type Timers,
} from 'peal/plugin';
import { environmentOf } from './environment.js';

const SHELL = '/bin/sh';
/** Before the second, third and every further attempt, milliseconds. */
const RETRY_WAITS_MS = [1000, 5000, 30_000] as const;
/** From SIGTERM to SIGKILL, milliseconds. */
const KILL_AFTER_MS = 5000;

export interface CommandOptions {
  readonly command: string;
  readonly batchBytes: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly stopWaitMs: number;
  readonly envPrefix: string;
}

export interface CommandPorts {
  readonly process: Process;
  readonly timers: Timers;
  readonly log: Logger;
}

export class CommandExporter implements Exporter {
  readonly stopMs: number;
  private running = false;
  private work: Promise<ExportResult> | undefined;
  private abort = new AbortController();
  /** Ends a wait between two attempts. */
  private wake: (() => void) | undefined;
  private readonly counts = { runs: 0, failed_runs: 0, timeouts: 0, exported_records: 0, failed_records: 0 };

  constructor(
    private readonly o: CommandOptions,
    private readonly ports: CommandPorts,
  ) {
    this.stopMs = o.stopWaitMs + KILL_AFTER_MS;
  }

  get maxBatchBytes(): number {
    return this.o.batchBytes;
  }

  start(): Promise<void> {
    this.running = true;
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.running = false;
    this.wake?.();
    if (this.work === undefined) return;
    const { timers } = this.ports;
    const timer = timers.set(this.o.stopWaitMs, () => this.abort.abort());
    await this.work;
    timers.cancel(timer);
  }

  offer(batch: ExportBatch): Offer {
    if (!this.running || this.work !== undefined) return 'busy';
    this.work = this.export(batch);
    return this.work;
  }

  describe(): Readonly<Record<string, number | boolean>> {
    return { ...this.counts, busy: this.work !== undefined };
  }

  private async export(batch: ExportBatch): Promise<ExportResult> {
    const result = await this.attempts(batch);
    const count = batch.records.length;
    if (result.ok) this.counts.exported_records += count;
    else this.counts.failed_records += count;
    this.work = undefined;
    return result;
  }

  private async attempts(batch: ExportBatch): Promise<ExportResult> {
    const env = environmentOf(batch, this.o.envPrefix);
    // One write instead of one per record; a record that is larger than a batch is alone and is not copied.
    const input = batch.records.length === 1 ? [batch.records[0]!.bytes] : [joined(batch)];
    for (let attempt = 1; ; attempt++) {
      const failure = await this.run(env, input);
      if (failure === undefined) return { ok: true };
      this.ports.log.warn(`the command failed: ${failure}`, { attempt, records: batch.records.length });
      if (attempt > this.o.retries) return { ok: false, detail: `${failure}, ${attempt} attempts were made` };
      if (this.running) await this.wait(RETRY_WAITS_MS[Math.min(attempt, RETRY_WAITS_MS.length) - 1]!);
      if (!this.running) return { ok: false, detail: `${failure}, then the daemon stopped` };
    }
  }

  /** One run; answers what went wrong. */
  private async run(env: Readonly<Record<string, string>>, input: readonly Uint8Array[]): Promise<string | undefined> {
    const { command, timeoutMs } = this.o;
    this.counts.runs++;
    let failure: string | undefined;
    try {
      const { status, signal, timedOut } = await this.ports.process.run({
        file: SHELL,
        args: ['-c', command],
        env,
        input,
        timeoutMs,
        killAfterMs: KILL_AFTER_MS,
        signal: this.abort.signal,
      });
      if (timedOut) {
        this.counts.timeouts++;
        failure = this.running ? `it took longer than ${timeoutMs} ms` : 'it did not end when the daemon stopped';
      } else if (status !== 0) failure = `it ended with ${status ?? signal ?? 'nothing'}`;
    } catch (error) {
      failure = `it could not be started: ${reasonOf(error)}`;
    }
    if (failure !== undefined) this.counts.failed_runs++;
    return failure;
  }

  private async wait(ms: number): Promise<void> {
    let timer: TimerHandle | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = this.ports.timers.set(ms, resolve);
    });
    this.wake = undefined;
    this.ports.timers.cancel(timer!);
  }
}

function joined({ records }: ExportBatch): Uint8Array {
  return Buffer.concat(records.map(({ bytes }) => bytes));
}
