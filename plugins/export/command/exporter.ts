// Runs the command with one batch at a time: attempts with waits between them, a time limit on each, and an end in good
// order when the daemon stops. Nobody waits for it: a second batch is answered 'busy' (core/plugin/export.ts).
import {
  Attempts,
  type ExportBatch,
  type Exporter,
  type ExportResult,
  type Logger,
  type Offer,
  type Process,
  reasonOf,
  type Timers,
} from 'peal/plugin';
import { environmentOf } from './environment.js';

const SHELL = '/bin/sh';
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
  private readonly attempts: Attempts;
  private work: Promise<ExportResult> | undefined;
  private abort = new AbortController();
  private readonly counts = { runs: 0, failed_runs: 0, timeouts: 0, exported_records: 0, failed_records: 0 };

  constructor(
    private readonly o: CommandOptions,
    private readonly ports: CommandPorts,
  ) {
    this.stopMs = o.stopWaitMs + KILL_AFTER_MS;
    this.attempts = new Attempts(ports.timers, o.retries);
  }

  get maxBatchBytes(): number {
    return this.o.batchBytes;
  }

  start(): Promise<void> {
    this.attempts.start();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.attempts.stop();
    if (this.work === undefined) return;
    const { timers } = this.ports;
    const timer = timers.set(this.o.stopWaitMs, () => this.abort.abort());
    await this.work;
    timers.cancel(timer);
  }

  offer(batch: ExportBatch): Offer {
    if (!this.attempts.running || this.work !== undefined) return 'busy';
    this.work = this.export(batch);
    return this.work;
  }

  describe(): Readonly<Record<string, number | boolean>> {
    return { ...this.counts, busy: this.work !== undefined };
  }

  private async export(batch: ExportBatch): Promise<ExportResult> {
    const result = await this.tried(batch);
    const count = batch.records.length;
    if (result.ok) this.counts.exported_records += count;
    else this.counts.failed_records += count;
    this.work = undefined;
    return result;
  }

  private tried(batch: ExportBatch): Promise<ExportResult> {
    const env = environmentOf(batch, this.o.envPrefix);
    // One write instead of one per record; a record that is larger than a batch is alone and is not copied.
    const input = batch.records.length === 1 ? [batch.records[0]!.bytes] : [joined(batch)];
    return this.attempts.make(
      () => this.run(env, input),
      (why, attempt) => this.ports.log.warn(`the command failed: ${why}`, { attempt, records: batch.records.length }),
    );
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
        failure = this.attempts.running
          ? `it took longer than ${timeoutMs} ms`
          : 'it did not end when the daemon stopped';
      } else if (status !== 0) failure = `it ended with ${status ?? signal ?? 'nothing'}`;
    } catch (error) {
      failure = `it could not be started: ${reasonOf(error)}`;
    }
    if (failure !== undefined) this.counts.failed_runs++;
    return failure;
  }
}

function joined({ records }: ExportBatch): Uint8Array {
  return Buffer.concat(records.map(({ bytes }) => bytes));
}
