// Trying again with growing pauses.

export interface RetryPace {
  /** First pause, ms. Default 100. */
  readonly firstMs?: number;
  /** Longest pause, ms. Default 5000. */
  readonly longestMs?: number;
  /** Gives up after so many tries. Default: never. */
  readonly attempts?: number;
}

const FIRST_MS = 100;
const LONGEST_MS = 5000;

/** The first result that is no failure; rejects with the last failure when the pace gives up or the signal is aborted. */
export async function retrying<T>(
  { firstMs = FIRST_MS, longestMs = LONGEST_MS, attempts = Infinity }: RetryPace,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<{ result: T; attempts: number }> {
  let pause = firstMs;
  for (let n = 1; ; n++) {
    try {
      return { result: await run(), attempts: n };
    } catch (e) {
      if (signal.aborted || n >= attempts) throw e;
    }
    await sleep(pause, signal);
    pause = Math.min(longestMs, pause * 2);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
