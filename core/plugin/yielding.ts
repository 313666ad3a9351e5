// Where cores are short and a client rests for it (accepted.ts), the daemon takes no core from a process that has one: Linux
// schedules its main thread as SCHED_BATCH meanwhile (sched(7)). As a rule, who wakes up comes before whoever is running;
// here that is a client, and the messages that it was about to send miss the daemon's tick.
//
// Measured beside the former, interleaved, on two cores that the peer's C clients keep busy: three sending 10 B 1.07 times the rate and
// 0.81 of the CPU of all daemons (set by hand for the daemon's whole life, in a busier hour: 1.22 and 0.65), one 1.02 and 0.93.
//
// Node has no call for it, so libc is called through koffi, which is loaded when it is first needed (18 ms and 4 MB that
// most daemons never pay). Where it cannot be loaded, or the system says no, all goes on as without it.

import { getPriority } from 'node:os';

/** Without a rest for that long, milliseconds, the thread is scheduled as before. */
export const YIELD_MS = 50;
/** Policies of Linux (sched.h). */
const SCHED_OTHER = 0;
const SCHED_BATCH = 3;
/** What we start, threads and commands, is scheduled as ever. Once set, only a privileged process may take it back. */
const SCHED_RESET_ON_FORK = 0x40000000;

/** The system's scheduling of the calling thread; both answer -1 where it says no. */
export interface Scheduler {
  policy(): number;
  setPolicy(policy: number): number;
}

export class Yielding {
  /** undefined: not asked for yet; null: there is none, or not yet. */
  private scheduler: Scheduler | null | undefined;
  private yields = false;
  /** Since the last look. */
  private rests = 0;

  constructor(private readonly load: () => Promise<Scheduler | null> = systemsScheduler) {}

  /** A client rests because cores are short. */
  rested(): void {
    this.rests++;
    if (this.scheduler === undefined) this.ask();
    else if (!this.yields && this.scheduler !== null) this.begin(this.scheduler);
  }

  private ask(): void {
    this.scheduler = null;
    void this.load().then((scheduler) => (this.scheduler = scheduler));
  }

  /** Who was given another policy, real time or batch, by an operator keeps it. */
  private begin(scheduler: Scheduler): void {
    if ((scheduler.policy() & ~SCHED_RESET_ON_FORK) !== SCHED_OTHER) return;
    if (scheduler.setPolicy(SCHED_BATCH | SCHED_RESET_ON_FORK) !== 0) {
      this.scheduler = null;
      return;
    }
    this.yields = true;
    this.look(scheduler);
  }

  private look(scheduler: Scheduler): void {
    this.rests = 0;
    setTimeout(() => {
      if (this.rests > 0) this.look(scheduler);
      else this.end(scheduler);
    }, YIELD_MS).unref();
  }

  private end(scheduler: Scheduler): void {
    this.yields = false;
    // Without the flag it was set by an operator meanwhile.
    if (scheduler.policy() === (SCHED_BATCH | SCHED_RESET_ON_FORK))
      scheduler.setPolicy(SCHED_OTHER | SCHED_RESET_ON_FORK);
  }
}

/** Never rejects; null: this system has none that we know, or libc cannot be called. */
async function systemsScheduler(): Promise<Scheduler | null> {
  // The flag takes a negative nice value from whatever is started from then on; and whoever has one shall come first.
  if (process.platform !== 'linux' || getPriority() < 0) return null;
  try {
    const { default: koffi } = await import('koffi');
    const program = koffi.load(null);
    const get = program.func('int sched_getscheduler(int thread)') as (thread: number) => number;
    // Of the parameters only the priority is there, which is 0 for both policies.
    const set = program.func('int sched_setscheduler(int thread, int policy, const int *parameters)') as (
      thread: number,
      policy: number,
      parameters: readonly number[],
    ) => number;
    return { policy: () => get(0), setPolicy: (policy) => set(0, policy, [0]) };
  } catch {
    return null;
  }
}

/** That of this process's main thread. */
export const yielding = new Yielding();
