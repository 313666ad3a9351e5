// Makes the schedule of a failing run shorter: leaves out phases, then halves, then single entries, as long as the run
// fails in the same guarantee. Bounded by a clock that the caller brings.
import { type RunOptions, type RunResult, type Subject, runSeed } from './run.js';
import type { ChaosPhase, Schedule } from './schedule.js';

export interface Shrunk {
  readonly schedule: Schedule;
  readonly tries: number;
}

export function shrink(subject: Subject, o: RunOptions, failed: RunResult, timeIsOver: () => boolean): Shrunk {
  const guarantee = failed.violations[0]?.guarantee;
  let { schedule } = failed.setting;
  let tries = 0;
  const attempt = (phases: readonly ChaosPhase[]): boolean => {
    if (timeIsOver()) return false;
    tries++;
    const smaller = { ...schedule, phases };
    if (
      !runSeed(subject, { ...o, setting: { ...failed.setting, schedule: smaller } }).violations.some(
        (v) => v.guarantee === guarantee,
      )
    )
      return false;
    schedule = smaller;
    return true;
  };
  while (schedule.phases.length > 1 && attempt(schedule.phases.slice(0, -1)));
  while (schedule.phases.length > 1 && attempt(schedule.phases.slice(1)));
  for (let i = 0; i < schedule.phases.length; i++) {
    let size = Math.max(1, Math.floor(schedule.phases[i]!.entries.length / 2));
    for (; size >= 1; size = Math.floor(size / 2))
      for (let from = 0; from < schedule.phases[i]!.entries.length;)
        if (!attempt(without(schedule.phases, i, from, size))) from += size;
  }
  return { schedule, tries };
}

function without(phases: readonly ChaosPhase[], phase: number, from: number, size: number): ChaosPhase[] {
  return phases.map((p, i) =>
    i === phase ? { ...p, entries: p.entries.filter((_, j) => j < from || j >= from + size) } : p,
  );
}
