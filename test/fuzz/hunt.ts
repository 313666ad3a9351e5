// Feeds a target with inputs drawn from a seed: one of eight valid, the others damaged. A failure names the input by
// its number, so that it can be made again. No crash, no hang, no growth of memory, half of the inputs reach deep.
import { readdirSync } from 'node:fs';
import { Random } from '../sim/random.js';
import { mutate } from './mutate.js';
import type { Target } from './target.js';

export interface Hunt {
  readonly target: string;
  inputs: number;
  /** Inputs that got past the first check. */
  deep: number;
  roundTrips: number;
  /** Bytes of heap and buffers gained between the first quarter and the end, after collections. 0 without `--expose-gc`. */
  grownBytes: number;
  failures: string[];
}

export interface HuntLimits {
  readonly seed: number;
  readonly inputs: number;
  /** Stops earlier at this time of `Date.now()`. */
  readonly until: number;
  /** Only this input: to see a failure again. */
  readonly only?: number;
}

const VALID_PERMILLE = 125;
const ROUND_TRIP_PERMILLE = 50;
/** A single input that takes longer hangs whoever reads it; ten times what the slowest takes on a slow machine. */
const SLOWEST_MS = 1000;
const FAILURES_KEPT = 5;
const CHECK_EVERY = 4096;
/** Memory may wander, not grow with the number of inputs. */
const GROWTH_MAX_BYTES = 64 * 1024 * 1024;
const SHOWN_BYTES = 600;

/** Every target there is, by name. */
export async function allTargets(): Promise<readonly Target[]> {
  const folder = new URL('./targets/', import.meta.url);
  const files = readdirSync(folder).filter((f) => f.endsWith('.js'));
  const all: Target[] = [];
  // One after the other: jest's loader cannot load what two of them import at the same time.
  for (const f of files) all.push(((await import(new URL(f, folder).href)) as { default: Target }).default);
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function hunt(target: Target, { seed, inputs, until, only }: HuntLimits): Hunt {
  const h: Hunt = { target: target.name, inputs: 0, deep: 0, roundTrips: 0, grownBytes: 0, failures: [] };
  let base = -1;
  const first = only ?? 0;
  const last = only === undefined ? inputs : only + 1;
  for (let i = first; i < last && h.failures.length < FAILURES_KEPT; i++) {
    one(target, seed, i, h);
    if (h.inputs % CHECK_EVERY !== 0) continue;
    if (base < 0 && h.inputs * 4 >= inputs) base = used();
    if (Date.now() > until) break;
  }
  if (base >= 0) h.grownBytes = Math.max(0, used() - base);
  if (h.grownBytes > GROWTH_MAX_BYTES) h.failures.push(`memory grew by ${h.grownBytes} bytes over ${h.inputs} inputs`);
  if (only === undefined && h.inputs > 0 && h.deep * 2 < h.inputs)
    h.failures.push(`only ${h.deep} of ${h.inputs} inputs got past the first check: the target is too shallow`);
  return h;
}

function one(target: Target, seed: number, i: number, h: Hunt): void {
  const r = new Random(seed, `${target.name} ${i}`);
  let input: Uint8Array = new Uint8Array(0);
  const began = performance.now();
  try {
    if (target.roundTrip && r.chance(ROUND_TRIP_PERMILLE)) {
      target.roundTrip(r);
      h.roundTrips++;
    }
    const valid = target.valid(r);
    input = r.chance(VALID_PERMILLE) ? new Uint8Array(valid) : mutate(valid, target.front, target.valid(r), r);
    const shown = input.slice(0, SHOWN_BYTES);
    h.inputs++;
    const reached = target.feed(input, r);
    input = shown;
    if (reached) h.deep++;
    const ms = performance.now() - began;
    if (ms > SLOWEST_MS) throw new Error(`it took ${Math.round(ms)} ms`);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    h.failures.push(`input ${i}: ${what}\n      bytes ${Buffer.from(input.subarray(0, SHOWN_BYTES)).toString('hex')}`);
  }
}

function used(): number {
  if (globalThis.gc === undefined) return 0;
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
