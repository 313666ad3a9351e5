// What a command may do to the outside: print, and nothing else. Tests put texts in its place.
import { CLI_ERRORS, PealError } from '../errors.js';
import { EXIT_FAILURE, EXIT_OK } from './exit.js';

export interface Terminal {
  /** A line on standard output. */
  print(line: string): void;
  /** A line on standard error. */
  complain(line: string): void;
}

export const processTerminal: Terminal = {
  print: (line) => {
    process.stdout.write(`${line}\n`);
  },
  complain: (line) => {
    process.stderr.write(`${line}\n`);
  },
};

/** From now on the process ends when nobody reads its standard output any more (`| head`), or it cannot be written. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT_OK);
    processTerminal.complain(PealError.of(CLI_ERRORS.OUTPUT, { detail: error.message }).toString());
    process.exit(EXIT_FAILURE);
  });
}

/** Lines under one another, columns aligned, two spaces between. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
