// What waits for the exporter: bounded in bytes, oldest first, one batch at a time. An exporter never makes its caller
// wait (core/plugin/export.ts), so what is too much is dropped here and counted.
import type { Bytes, Exporter, ExportRecord, Logger } from 'peal/plugin';

export class ExportQueue {
  private waiting: ExportRecord[] = [];
  private bytes = 0;
  private underWay = false;
  private closed = false;
  private exported = 0;
  private failed = 0;
  private dropped = 0;

  constructor(
    private readonly exporter: Exporter | undefined,
    private readonly limitBytes: number,
    private readonly section: string,
    private readonly log: Logger,
  ) {}

  add(id: string, bytes: Bytes): void {
    if (this.exporter === undefined || this.closed) return;
    this.waiting.push({ id, bytes });
    this.bytes += bytes.length;
    while (this.bytes > this.limitBytes && this.waiting.length > 0) {
      this.bytes -= this.waiting.shift()!.bytes.length;
      this.dropped++;
    }
    this.push();
  }

  /** Offers what waits, as much as fits a batch. */
  push(): void {
    if (this.exporter === undefined || this.underWay || this.closed || this.waiting.length === 0) return;
    let count = 1;
    let total = this.waiting[0]!.bytes.length;
    while (count < this.waiting.length && total + this.waiting[count]!.bytes.length <= this.exporter.maxBatchBytes)
      total += this.waiting[count++]!.bytes.length;
    const records = this.waiting.slice(0, count);
    const offer = this.exporter.offer({ records, labels: { service: this.section } });
    if (offer === 'busy') return;
    this.waiting = this.waiting.slice(count);
    this.bytes -= total;
    this.underWay = true;
    void offer.then((result) => {
      this.underWay = false;
      if (result.ok) this.exported += count;
      else {
        this.failed += count;
        this.log.warn(`an export failed: ${result.detail}`, { records: count });
      }
      this.push();
    });
  }

  close(): void {
    this.closed = true;
    this.dropped += this.waiting.length;
    this.waiting = [];
    this.bytes = 0;
  }

  describe(): Readonly<Record<string, number>> {
    if (this.exporter === undefined) return {};
    return {
      exported: this.exported,
      export_failed: this.failed,
      export_dropped: this.dropped,
      export_waiting_bytes: this.bytes,
    };
  }
}
