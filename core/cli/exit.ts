// Exit codes and the one form in which errors reach the terminal.
import { CLI_ERRORS, PealError, PealErrors, reasonOf } from '../errors.js';

/** What was asked for was done. */
export const EXIT_OK = 0;
/** It was tried and failed: see standard error and the log. */
export const EXIT_FAILURE = 1;
/** The command line or the configuration is wrong; nothing was tried. */
export const EXIT_USAGE = 2;

const USAGE_CODES = /^PEAL_(CLI_USAGE|CONFIG|OPTION|CONTROL_BAD_ARGUMENT)/;
/** Of the client library: a name or place that can be none. */
const ILLEGAL_CODES = /^(REJECT_)?ILLEGAL_(SPREAD|GROUP|NAME):/;

/** Lines for standard error: `FILE:LINE: CODE message; remedy`, one per error; what nobody expected with its stack. */
export function errorLines(thrown: unknown): readonly string[] {
  if (thrown instanceof PealErrors) return thrown.errors.map(String);
  if (thrown instanceof PealError) return [thrown.toString()];
  // Errors of the client library say by themselves what happened and what to do.
  if (isClientError(thrown)) return [thrown.message];
  const line = PealError.of(CLI_ERRORS.UNEXPECTED, { detail: reasonOf(thrown) }).toString();
  // Where it happened tells which plugin it was, and is what a report needs.
  const frames = thrown instanceof Error ? (thrown.stack ?? '').split('\n').filter((l) => /^\s+at /.test(l)) : [];
  return [line, ...frames];
}

/** Errors found while a configuration is read are the user's to mend, and so are all that come together. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof PealErrors) return EXIT_USAGE;
  if (thrown instanceof PealError) return USAGE_CODES.test(thrown.code) ? EXIT_USAGE : EXIT_FAILURE;
  return isClientError(thrown) && ILLEGAL_CODES.test(thrown.message) ? EXIT_USAGE : EXIT_FAILURE;
}

function isClientError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === 'ClientError';
}
