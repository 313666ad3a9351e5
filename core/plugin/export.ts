// Contract of the export kind: hands records to the outside (a command's standard input, a file, a group). It takes
// one batch at a time and never makes its caller wait: who offers keeps what was not taken, decides what to drop when
// too much waits, and bundles what gathered while a batch was under way.
import type { Bytes } from '../machine/types.js';
import type { Part } from './define.js';
import { token, type Token } from './ports.js';

export interface ExportRecord {
  /** Tells the record from every other one, e.g. `origin incarnation sequence`; at most 255 characters 0x20 to 0x7e. */
  readonly id: string;
  readonly bytes: Bytes;
}

export interface ExportBatch {
  /** Oldest first. At least one; together at most `maxBatchBytes`, but one alone may be larger. */
  readonly records: readonly ExportRecord[];
  /**
   * Facts about the whole batch, e.g. site and group: names in lower case with `_`, any text. A command sees them in its
   * environment, a file has them beside each record.
   */
  readonly labels: Readonly<Record<string, string>>;
}

export type ExportResult =
  /** The outside has it, as far as the plugin can know. */
  | { readonly ok: true }
  /** It has not, after all attempts of the plugin; `detail` is one sentence for the log. */
  | { readonly ok: false; readonly detail: string };

/**
 * busy: nothing was taken, a batch is under way. Otherwise the batch was taken; the promise never rejects, and the
 * exporter takes the next batch from the moment it resolves.
 */
export type Offer = 'busy' | Promise<ExportResult>;

/**
 * `describe` counts, where they make sense: `runs`, `failed_runs` (attempts of the plugin, of which a batch may need
 * several), `exported_records` and `failed_records`.
 */
export interface Exporter extends Part {
  /** Bundle up to that many bytes of records. */
  readonly maxBatchBytes: number;
  /** Returns at once. Before `start` and after `stop` the answer is 'busy'. */
  offer(batch: ExportBatch): Offer;
  /** What is under way is finished, or given up with `ok: false` in time for the kernel's limit and `stopMs`. */
  stop(): Promise<void>;
}
/** The exporter that the section of the asking plugin chooses with `export = NAME`. */
export const Exporter: Token<Exporter> = token('Exporter');
