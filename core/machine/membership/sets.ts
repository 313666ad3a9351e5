// Who goes on together: a pure function of the hearing rows. Design: docs/design/membership.md, section 4.

/** Do these two hear each other? Called with a < b only. */
export type Edge = (a: number, b: number) => boolean;

/**
 * The set that contains `self`, out of `present` (places, any order). While two of a set lack an edge, the one that
 * lacks most leaves it (ties: newcomers first, then the later in the list); those who left form sets of their own
 * by the same rule. Answers places in ascending order.
 */
export function setOf(
  self: number,
  present: readonly number[],
  edge: Edge,
  newcomer: (p: number) => boolean,
): number[] {
  let rest = [...present].sort((a, b) => a - b);
  for (;;) {
    const kept = [...rest];
    const removed: number[] = [];
    for (;;) {
      const worst = mostLacking(kept, edge, newcomer);
      if (worst < 0) break;
      removed.push(kept[worst]!);
      kept.splice(worst, 1);
    }
    if (kept.includes(self)) return kept;
    rest = removed.sort((a, b) => a - b);
  }
}

/** Index in `members` of the one to remove, -1: every pair has its edge. */
function mostLacking(members: readonly number[], edge: Edge, newcomer: (p: number) => boolean): number {
  const lacks = new Array<number>(members.length).fill(0);
  for (let i = 0; i < members.length; i++)
    for (let j = i + 1; j < members.length; j++)
      if (!edge(members[i]!, members[j]!)) {
        lacks[i]!++;
        lacks[j]!++;
      }
  let worst = -1;
  for (let i = 0; i < members.length; i++) {
    if (lacks[i] === 0) continue;
    if (worst < 0 || lacks[i]! > lacks[worst]!) worst = i;
    else if (lacks[i] === lacks[worst]! && (newcomer(members[i]!) || !newcomer(members[worst]!))) worst = i;
  }
  return worst;
}

/** Does every pair have its edge? */
export function complete(members: readonly number[], edge: Edge): boolean {
  for (let i = 0; i < members.length; i++)
    for (let j = i + 1; j < members.length; j++) if (!edge(members[i]!, members[j]!)) return false;
  return true;
}
