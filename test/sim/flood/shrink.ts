// Makes the schedule of a failing run of flooding sites shorter: leaves out phases, then halves, then single faults, as long
// as the run fails in the same guarantee. Bounded by a clock that the caller brings.
import { type FloodRunOptions, runFlood } from './run.js';
import type { FloodPhase, FloodSchedule } from './schedule.js';

export function shrinkFlood(
  o: FloodRunOptions,
  failed: FloodSchedule,
  guarantee: string,
  timeIsOver: () => boolean,
): FloodSchedule {
  let schedule = failed;
  const attempt = (phases: readonly FloodPhase[]): boolean => {
    if (timeIsOver()) return false;
    const smaller = { ...schedule, phases };
    if (!runFlood({ ...o, schedule: smaller }).violations.some((v) => v.guarantee === guarantee)) return false;
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
  return schedule;
}

function without(phases: readonly FloodPhase[], phase: number, from: number, size: number): FloodPhase[] {
  return phases.map((p, i) =>
    i === phase ? { ...p, entries: p.entries.filter((_, j) => j < from || j >= from + size) } : p,
  );
}
