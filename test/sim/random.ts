// The simulator's only source of chance: a seeded generator of 32-bit integers (sfc32, integer arithmetic only), so
// that one seed gives the same run on any machine and any version of Node. Streams are forked by label: dropping an
// entry of a schedule does not shift what another stream draws.

const WARM_UP_ROUNDS = 12;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** 32-bit hash of a text (FNV-1a over its UTF-16 units). */
export function hashText(text: string, from = FNV_OFFSET): number {
  let h = from;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), FNV_PRIME);
  return h >>> 0;
}

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;

  /** Same seed and label: same stream. */
  constructor(
    private readonly seed: number,
    label = '',
  ) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 0x100000000) | 0;
    this.c = hashText(label) | 0;
    for (let i = 0; i < WARM_UP_ROUNDS; i++) this.next();
  }

  /** A stream of its own, not shifted by what is drawn here. */
  fork(label: string): Random {
    return new Random(this.seed, label);
  }

  /** An unsigned 32-bit integer. */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + t;
    this.c |= 0;
    return t >>> 0;
  }

  /** 0 to n - 1; n is at least 1 and far below 2^32. */
  below(n: number): number {
    return this.next() % n;
  }

  /** Both ends included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in `permille` of 1000 draws. */
  chance(permille: number): boolean {
    return permille > 0 && this.next() % 1000 < permille;
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error('pick from an empty list');
    return from[this.below(from.length)]!;
  }

  /** A heavy tail: half of the draws are below `unit`, each doubling half as likely, never above `limit`. */
  heavy(unit: number, limit: number): number {
    let scale = unit;
    while (scale < limit && (this.next() & 1) === 1) scale *= 2;
    return Math.min(limit, this.below(scale + 1));
  }

  /** The list in an order of chance; the argument is not changed. */
  shuffled<T>(from: readonly T[]): T[] {
    const all = [...from];
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    return all;
  }
}
