// What a row of the bench is: one thing measured, the options it runs with, the figures it gives, and for which variants
// of a cluster. Rows are entries of the files in bench/rows; bench/main.ts runs them in interleaved rounds.
import type { Cluster } from './cluster.js';
import type { VariantName } from './variants.js';

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
}

export type Figures = Readonly<Record<string, number>>;

export interface Row {
  /** Unique; parts between slashes, so that `--only` can name a part of them. */
  readonly name: string;
  /** One line. */
  readonly measures: string;
  /** What the load and the daemons are told that is no default. */
  readonly options: Readonly<Record<string, string | number>>;
  readonly figures: readonly Figure[];
  /** The first is what the others are compared with. */
  readonly variants: readonly VariantName[];
  /** Default 3. */
  readonly daemons?: number;
  /** Largest message, as an option: of the daemon and the binary API (ours only). */
  readonly largest?: string;
  /** Each run has a cluster of its own. */
  readonly fresh?: boolean;
  /** Default: what `--rounds` says. */
  readonly rounds?: number;
  /** Before the first run on a cluster. */
  readonly prepare?: (c: Cluster, serial: number) => Promise<unknown>;
  /** One run; `serial` makes names unique. */
  run(c: Cluster, serial: number): Promise<Figures>;
}

/** One run of a row on one variant. */
export interface Sample {
  readonly row: string;
  readonly variant: string;
  readonly round: number;
  readonly figures: Figures;
}
