// An exporter that posts each batch to a web server (docs/write-an-export.md): the bytes of the records end to end are the
// body, the labels of the batch are headers, and 2xx means that the server has them. One attempt per batch.
import { definePlugin, reasonOf } from 'peal/plugin';
import type { ExportBatch, Exporter, ExportResult, Offer } from 'peal/plugin';

class Post implements Exporter {
  readonly maxBatchBytes: number;
  readonly stopMs: number;
  private running = false;
  private work: Promise<ExportResult> | undefined;
  private readonly counts = { runs: 0, failed_runs: 0, exported_records: 0, failed_records: 0 };

  constructor(private readonly o: { readonly url: string; readonly batchBytes: number; readonly timeoutMs: number }) {
    this.maxBatchBytes = o.batchBytes;
    this.stopMs = o.timeoutMs;
  }

  start(): Promise<void> {
    this.running = true;
    return Promise.resolve();
  }

  /** What is under way has a time limit of its own. */
  async stop(): Promise<void> {
    this.running = false;
    await this.work;
  }

  /** Returns at once, and never rejects: nobody waits for the outside. */
  offer(batch: ExportBatch): Offer {
    if (!this.running || this.work !== undefined) return 'busy';
    this.work = this.export(batch);
    return this.work;
  }

  describe(): Readonly<Record<string, number>> {
    return this.counts;
  }

  private async export(batch: ExportBatch): Promise<ExportResult> {
    const failure = await this.post(batch).catch(reasonOf);
    this.counts.runs++;
    this.counts[failure === undefined ? 'exported_records' : 'failed_records'] += batch.records.length;
    if (failure !== undefined) this.counts.failed_runs++;
    // Before the promise resolves: the next batch is taken from that very moment.
    this.work = undefined;
    return failure === undefined ? { ok: true } : { ok: false, detail: failure };
  }

  private async post({ records, labels }: ExportBatch): Promise<string | undefined> {
    const headers = new Headers({ 'content-type': 'application/octet-stream' });
    // Labels may say anything: what is no header is made one.
    for (const [name, value] of Object.entries(labels))
      headers.set(`x-peal-${name.replace(/[^a-z0-9]/gi, '-')}`, encodeURIComponent(Buffer.from(value).toString()));
    headers.set('x-peal-count', String(records.length));
    const body = Buffer.concat(records.map(({ bytes }) => bytes));
    const signal = AbortSignal.timeout(this.o.timeoutMs);
    const response = await fetch(this.o.url, { method: 'POST', headers, body, signal });
    await response.arrayBuffer();
    return response.ok ? undefined : `the server answered ${response.status}`;
  }
}

export default definePlugin({
  kind: 'export',
  name: 'post',
  api: '^1',
  doc: 'Posts records to a web server.',
  options: {
    url: { type: 'string', required: true, doc: 'Where to.' },
    batch_bytes: { type: 'bytes', default: 65_536, min: 1, doc: 'Most bytes of records in one request.' },
    timeout_ms: { type: 'duration', default: 5000, min: 1, max: 600_000, doc: 'Time for one request.' },
  },
  create: (scope): Exporter => new Post(scope.options),
});
