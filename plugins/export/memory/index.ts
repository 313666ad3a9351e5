// export.memory: keeps the last records that were handed to it, for embedding and tests. The reference of the export kind
// (core/plugin/export.ts). It can be told to be slow or to fail, so that its callers' patience can be tried.
import {
  definePlugin,
  type ExportBatch,
  type Exporter,
  type ExportRecord,
  type ExportResult,
  type TimerHandle,
  Timers,
  type Offer,
} from 'peal/plugin';

/** What code that embeds a daemon finds here beyond the contract. */
export interface MemoryExporter extends Exporter {
  /** The records kept, oldest first. */
  records(): readonly ExportRecord[];
}

export default definePlugin({
  kind: 'export',
  name: 'memory',
  api: '^1',
  doc: 'Keeps the last exported records in memory.',
  options: {
    limit_bytes: { type: 'bytes', default: 1_048_576, min: 1, doc: 'Bytes kept; the oldest records go first.' },
    batch_bytes: { type: 'bytes', default: 65_536, min: 1, doc: 'Largest batch that callers should make.' },
    delay_ms: { type: 'duration', default: 0, max: 3_600_000, doc: 'How long one batch takes.' },
    fail_every: { type: 'int', default: 0, min: 0, unit: 'batches', doc: 'Every so many batches one fails; 0: none.' },
  },
  create(scope): MemoryExporter {
    return new Memory(scope.options, scope.get(Timers));
  },
});

interface MemoryOptions {
  readonly limitBytes: number;
  readonly batchBytes: number;
  readonly delayMs: number;
  readonly failEvery: number;
}

class Memory implements MemoryExporter {
  private kept: ExportRecord[] = [];
  private keptBytes = 0;
  private batches = 0;
  private failed = 0;
  private running = false;
  private pending: { timer: TimerHandle; finish: (result: ExportResult) => void } | undefined;

  constructor(
    private readonly options: MemoryOptions,
    private readonly timers: Timers,
  ) {}

  get maxBatchBytes(): number {
    return this.options.batchBytes;
  }

  start(): Promise<void> {
    this.running = true;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.running = false;
    if (this.pending !== undefined) this.timers.cancel(this.pending.timer);
    this.pending?.finish({ ok: false, detail: 'the exporter was stopped' });
    return Promise.resolve();
  }

  offer(batch: ExportBatch): Offer {
    if (!this.running || this.pending !== undefined) return 'busy';
    return new Promise((resolve) => {
      const finish = (result: ExportResult): void => {
        this.pending = undefined;
        if (!result.ok) this.failed++;
        resolve(result);
      };
      const timer = this.timers.set(this.options.delayMs, () => {
        finish(this.take(batch));
      });
      this.pending = { timer, finish };
    });
  }

  records(): readonly ExportRecord[] {
    return this.kept;
  }

  describe(): Readonly<Record<string, number>> {
    return { batches: this.batches, failed: this.failed, records: this.kept.length, bytes: this.keptBytes };
  }

  private take(batch: ExportBatch): ExportResult {
    this.batches++;
    if (this.options.failEvery > 0 && this.batches % this.options.failEvery === 0)
      return { ok: false, detail: `told to fail every ${this.options.failEvery} batches` };
    this.kept.push(...batch.records);
    for (const { bytes } of batch.records) this.keptBytes += bytes.length;
    let dropped = 0;
    while (this.keptBytes > this.options.limitBytes) this.keptBytes -= this.kept[dropped++]!.bytes.length;
    this.kept = this.kept.slice(dropped);
    return { ok: true };
  }
}
