// What a compliance suite needs of a test runner: jest's `describe`, `test` and `expect` fit, and so do others'.

export interface Matchers {
  toBe(expected: unknown): unknown;
  toEqual(expected: unknown): unknown;
  toBeGreaterThan(expected: number): unknown;
  toBeLessThanOrEqual(expected: number): unknown;
}

export interface TestApi {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: (name: string, body: () => void | Promise<void>, timeoutMs?: number) => unknown;
  readonly expect: (actual: unknown) => Matchers;
  /** Where it is given, folders that a suite has made are removed. */
  readonly afterAll?: (body: () => void) => unknown;
}

/** A seeded source of numbers in [0, 1): the same seed gives the same run on every machine (xorshift32). */
export function seeded(seed: number): () => number {
  let x = Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}
