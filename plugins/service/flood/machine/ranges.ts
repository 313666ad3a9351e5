// Sets of whole numbers as rising ranges that do not touch, both ends included. Small sets: searched by halves, changed
// in place.

export type Range = readonly [first: number, last: number];
export type Ranges = (readonly [first: number, last: number])[];

/** Index of the first range whose end is not below n. */
function indexOf(ranges: readonly Range[], n: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] < n) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function hasNumber(ranges: readonly Range[], n: number): boolean {
  const r = ranges[indexOf(ranges, n)];
  return r !== undefined && r[0] <= n;
}

/** Adds all from `first` to `last`; ranges that meet become one. */
export function addRange(ranges: Ranges, first: number, last: number): void {
  const from = indexOf(ranges, first - 1);
  let to = from;
  let [low, high] = [first, last];
  for (let r = ranges[to]; r !== undefined && r[0] <= last + 1; r = ranges[++to]) {
    low = Math.min(low, r[0]);
    high = Math.max(high, r[1]);
  }
  ranges.splice(from, to - from, [low, high]);
}

/** The parts of `first` to `last` that are in no range; at most `most` of them. */
export function gapsIn(ranges: readonly Range[], first: number, last: number, most = Infinity): Ranges {
  const gaps: Ranges = [];
  let at = first;
  for (let i = indexOf(ranges, first); at <= last && gaps.length < most; i++) {
    const r = ranges[i];
    const end = r === undefined ? last : Math.min(last, r[0] - 1);
    if (end >= at) gaps.push([at, end]);
    if (r === undefined) break;
    at = r[1] + 1;
  }
  return gaps;
}

/** Makes one of the two ranges that are closest to each other until there are no more than `most`. */
export function coarsen(ranges: Ranges, most: number): void {
  while (ranges.length > most) {
    let best = 1;
    for (let i = 2; i < ranges.length; i++)
      if (ranges[i]![0] - ranges[i - 1]![1] < ranges[best]![0] - ranges[best - 1]![1]) best = i;
    ranges.splice(best - 1, 2, [ranges[best - 1]![0], ranges[best]![1]]);
  }
}
