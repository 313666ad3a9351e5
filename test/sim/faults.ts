// What is wrong with the virtual network at this moment, per ordered pair of daemons (by place in the list): cuts,
// loss, duplication, reordering, delay, full buffers. Changed by the schedule, read by both flavours of the network.
import type { Plane } from '../../core/machine/types.js';
import type { Random } from './random.js';

/** Quality of the path from one daemon to another; the numbers are permille and milliseconds. */
export interface Path {
  loss: number;
  duplicate: number;
  reorder: number;
  /** How often a delay is drawn from the heavy tail. */
  tail: number;
  delayMs: number;
  tailMs: number;
  /** How often a send is not taken although there is room. */
  full: number;
}

/** A quiet local network. */
export const GOOD_PATH: Path = { loss: 0, duplicate: 0, reorder: 0, tail: 0, delayMs: 1, tailMs: 0, full: 0 };

const RETRANSMISSION_MS = 200;
const RETRANSMISSIONS_MAX = 4;

export class Faults {
  private readonly cuts: Uint8Array;
  /** Per plane and ordered pair: so many more sends pass, then none; below 0: all. */
  private readonly plugs: Readonly<Record<Plane, Int32Array>>;
  private readonly paths: Path[];
  /** Since when paths carry sends of the same size, milliseconds of the run; undefined: that changes with time. */
  steadySince: number | undefined;

  constructor(
    readonly size: number,
    private readonly random: Random,
  ) {
    this.cuts = new Uint8Array(size * size);
    const open = (): Int32Array => new Int32Array(size * size).fill(-1);
    this.plugs = { control: open(), data: open() };
    this.paths = Array.from({ length: size * size }, () => GOOD_PATH);
  }

  /** Nothing passes from `from` to `to` (one way). */
  cut(from: number, to: number): void {
    this.cuts[from * this.size + to] = 1;
  }

  mend(from: number, to: number): void {
    this.cuts[from * this.size + to] = 0;
  }

  isCut(from: number, to: number): boolean {
    return this.cuts[from * this.size + to] === 1;
  }

  /** After so many more sends nothing of that plane passes from `from` to `to`. Negative: all passes again. */
  plug(plane: Plane, from: number, to: number, after: number): void {
    this.plugs[plane][from * this.size + to] = after;
  }

  isPlugged(plane: Plane, from: number, to: number): boolean {
    return this.plugs[plane][from * this.size + to] === 0;
  }

  /** One send of that plane arrives; false: it does not. */
  passes(plane: Plane, from: number, to: number): boolean {
    const left = this.plugs[plane][from * this.size + to]!;
    if (left > 0) this.plugs[plane][from * this.size + to] = left - 1;
    return left !== 0;
  }

  path(from: number, to: number): Path {
    return this.paths[from * this.size + to]!;
  }

  setPath(from: number, to: number, path: Path): void {
    this.paths[from * this.size + to] = path;
  }

  /** Cuts every pair that is not within one of the components; a daemon in none of them is alone. */
  partition(components: readonly (readonly number[])[]): void {
    const of = new Array<number>(this.size).fill(-1);
    components.forEach((c, i) => {
      for (const place of c) of[place] = i;
    });
    for (let a = 0; a < this.size; a++)
      for (let b = 0; b < this.size; b++) {
        const together = a === b || (of[a] === of[b] && of[a] !== -1);
        this.cuts[a * this.size + b] = together ? 0 : 1;
      }
  }

  /** No cut, no plug, every path good. */
  healAll(): void {
    this.cuts.fill(0);
    for (const plugs of Object.values(this.plugs)) plugs.fill(-1);
    this.paths.fill(GOOD_PATH);
  }

  delay(from: number, to: number): number {
    const p = this.path(from, to);
    const base = this.random.below(p.delayMs + 1);
    return this.random.chance(p.tail) ? base + this.random.heavy(p.delayMs + 1, p.tailMs) : base;
  }

  lost(from: number, to: number): boolean {
    return this.random.chance(this.path(from, to).loss);
  }

  /** Loss on a stream: the delay of its retransmissions. */
  streamDelay(from: number, to: number): number {
    let ms = this.delay(from, to);
    const loss = this.path(from, to).loss;
    for (let i = 0, wait = RETRANSMISSION_MS; i < RETRANSMISSIONS_MAX && this.random.chance(loss); i++, wait *= 2)
      ms += wait;
    return ms;
  }
}
