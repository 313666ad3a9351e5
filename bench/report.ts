// Medians, quartiles, paired ratios, and the table they stand in.
import type { Row, Sample } from './row.js';

/** The value below which so many quarters lie, between two values in proportion. */
export function quartile(values: readonly number[], quarters: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = ((sorted.length - 1) * quarters) / 4;
  const below = sorted[Math.floor(at)] ?? NaN;
  return below + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] ?? NaN) - below);
}

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: quartile(values, 2), low: quartile(values, 1), high: quartile(values, 3) };
}

/** Three digits that count, with k and M. */
export function short(v: number): string {
  if (Number.isNaN(v)) return '-';
  const size = Math.abs(v);
  if (size >= 1e6) return `${(v / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${(v / 1e3).toPrecision(3)}k`;
  if (size >= 100) return v.toFixed(0);
  return size >= 10 ? v.toFixed(1) : v.toFixed(2);
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const { median, low, high } = spreadOf(values);
  return values.length === 1 ? short(median) : `${short(median)} (${short(low)}..${short(high)})`;
}

export function valuesOf(samples: readonly Sample[], row: string, variant: string, figure: string): number[] {
  return samples.filter((s) => s.row === row && s.variant === variant).map((s) => s.figures[figure] ?? NaN);
}

/** The first variant to another, round by round. */
export function ratiosOf(samples: readonly Sample[], row: string, a: string, b: string, figure: string): number[] {
  const other = new Map(
    samples.filter((s) => s.row === row && s.variant === b).map((s) => [s.round, s.figures[figure] ?? NaN]),
  );
  return samples
    .filter((s) => s.row === row && s.variant === a && other.has(s.round))
    .map((s) => (s.figures[figure] ?? NaN) / other.get(s.round)!);
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((l) => (l[i] ?? '').length)));
  return lines.map((l) => `  ${l.map((text, i) => text.padEnd(widths[i]!)).join('  ')}`.trimEnd());
}

/** What was seen of a row: options, a line for each variant, a line for each ratio to the first. */
export function table(row: Row, samples: readonly Sample[]): string {
  const variants = row.variants.filter((v) => samples.some((s) => s.row === row.name && s.variant === v));
  const options = Object.entries(row.options).map(([k, v]) => `${k} ${v}`);
  const head = ['', ...row.figures.map((f) => `${f.name}, ${f.unit}`)];
  const lines = variants.map((v) => [v, ...row.figures.map((f) => cell(valuesOf(samples, row.name, v, f.name)))]);
  const first = variants[0];
  const ratios = variants
    .slice(1)
    .map((v) => [
      `${first ?? ''} / ${v}`,
      ...row.figures.map((f) => cell(ratiosOf(samples, row.name, first ?? '', v, f.name))),
    ]);
  return [`${row.name}: ${row.measures}`, `  with ${options.join(', ')}`, ...aligned([head, ...lines, ...ratios])].join(
    '\n',
  );
}
