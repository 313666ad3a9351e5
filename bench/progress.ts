// What is under way, on standard error: one line that is written anew where that is a terminal, and nothing elsewhere but what
// somebody must know.
const CLEAR = '\r\x1b[2K';
const terminal = process.stderr.isTTY;

/** Stands until the next call; '' takes it away. */
export function underWay(what: string): void {
  if (terminal) process.stderr.write(`${CLEAR}${what}`);
}

/** A line that stays. */
export function tell(line: string): void {
  underWay('');
  console.error(line);
}
