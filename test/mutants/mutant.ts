// What a planted bug is: one small change of the source of one machine, of a kind that a tired author makes. The list
// proves the checkers of the simulator: each is caught by ordinary random runs (docs/how-we-test.md, "Planted bugs").

export const MACHINES = [
  'membership',
  'recovery',
  'delivery',
  'turn',
  'outbox',
  'flow',
  'groups',
  'mesh',
  'ring',
  'flood',
] as const;
export type MachineName = (typeof MACHINES)[number];

export interface Mutant {
  readonly name: string;
  readonly machine: MachineName;
  /** The rule that it breaks, in one sentence. */
  readonly breaks: string;
  /** Each `find` stands exactly once in `file` (a path in the repository). */
  readonly edits: readonly Edit[];
}

export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** All mutants of one machine, whose edits are of one file unless they say otherwise. */
export function planted(
  machine: MachineName,
  rows: readonly (readonly [name: string, breaks: string, file: string, ...edits: (readonly [string, string])[]])[],
  folder = 'core/machine',
): readonly Mutant[] {
  return rows.map(([name, breaks, file, ...edits]) => ({
    name,
    machine,
    breaks,
    edits: edits.map(([find, put]) => ({ file: `${folder}/${file}`, find, put })),
  }));
}
