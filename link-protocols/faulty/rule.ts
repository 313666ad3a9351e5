// What is to go wrong, as plain data (README.md). A rule is complete; a change names what differs.

export interface Rule {
  /** 0 to 100. */
  readonly lossPercent: number;
  readonly doublePercent: number;
  readonly reorderPercent: number;
  /** Milliseconds. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Names of daemons. */
  readonly cutTo: readonly string[];
  readonly cutFrom: readonly string[];
  /** Empty: all. */
  readonly only: readonly string[];
}

export const NO_FAULTS: Rule = {
  lossPercent: 0,
  doublePercent: 0,
  reorderPercent: 0,
  delayMs: 0,
  jitterMs: 0,
  cutTo: [],
  cutFrom: [],
  only: [],
};

/** The rule with those parts of `change` that a rule has. */
export function changed(rule: Rule, change: Readonly<Record<string, unknown>>): Rule {
  const names = Object.keys(NO_FAULTS).filter((name) => change[name] !== undefined);
  return { ...rule, ...Object.fromEntries(names.map((name) => [name, change[name]])) };
}

/** Short stable text: only what is out of order, "none" if nothing is. */
export function ruleText(rule: Rule): string {
  const parts: string[] = [];
  const percent = (name: string, value: number): void => {
    if (value > 0) parts.push(`${name} ${value} %`);
  };
  percent('loss', rule.lossPercent);
  percent('double', rule.doublePercent);
  percent('reorder', rule.reorderPercent);
  if (rule.delayMs + rule.jitterMs > 0) parts.push(`delay ${rule.delayMs} to ${rule.delayMs + rule.jitterMs} ms`);
  if (rule.cutTo.length > 0) parts.push(`cut to ${rule.cutTo.join(' ')}`);
  if (rule.cutFrom.length > 0) parts.push(`cut from ${rule.cutFrom.join(' ')}`);
  if (parts.length > 0 && rule.only.length > 0) parts.push(`only ${rule.only.join(' ')}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** Chances from a seed (xorshift32), so that a run can be repeated. */
export class Dice {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5 || 1;
  }

  /** From 0 up to but not including 1. */
  real(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) / 2 ** 32;
  }

  chance(percent: number): boolean {
    return percent > 0 && this.real() * 100 < percent;
  }
}
