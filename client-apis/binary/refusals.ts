// Refusals, counted each time and logged at a bounded rate: nothing is silent, and nothing a stranger does can fill a
// disk. Only the reasons named here exist, so the number of counters is bounded too.
import type { Clock, Logger } from 'peal/plugin';

/** A reason is logged at most once in this time, milliseconds. */
export const LOG_INTERVAL_MS = 1000;

/** reject-*: a code of the protocol was answered. The others ended without an answer. */
export type Refusal =
  | 'reject-quota'
  | 'reject-illegal-name'
  | 'reject-not-unique'
  | 'reject-version'
  | 'reject-auth'
  | 'unready'
  | 'stopping'
  | 'flooded'
  | 'invalid-frame'
  | 'not-reading'
  | 'spill-error'
  | 'dropped-frame'
  | 'accept-error'
  | 'auth-error';

interface Line {
  count: number;
  untilMs: number;
  unsaid: number;
}

export class Refusals {
  private readonly lines = new Map<Refusal, Line>();

  constructor(
    private readonly log: Pick<Logger, 'warn'>,
    private readonly clock: Pick<Clock, 'nowMs'>,
  ) {}

  /** Counts, and logs unless that reason was logged a moment ago; the next line says how many were left out. */
  note(reason: Refusal, from: string, detail: string): void {
    const line = this.line(reason);
    line.count++;
    const now = this.clock.nowMs();
    if (now < line.untilMs) {
      line.unsaid++;
      return;
    }
    const unsaid = line.unsaid === 0 ? {} : { unsaid: line.unsaid };
    this.log.warn(`client refused: ${detail}`, { reason, from, ...unsaid });
    line.untilMs = now + LOG_INTERVAL_MS;
    line.unsaid = 0;
  }

  /** Counts what is logged elsewhere. */
  tally(reason: Refusal): void {
    this.line(reason).count++;
  }

  private line(reason: Refusal): Line {
    const line = this.lines.get(reason) ?? { count: 0, untilMs: -Infinity, unsaid: 0 };
    this.lines.set(reason, line);
    return line;
  }

  count(reason: Refusal): number {
    return this.lines.get(reason)?.count ?? 0;
  }

  /** All reasons that occurred, for status. */
  all(): Record<string, number> {
    return Object.fromEntries([...this.lines].map(([reason, line]) => [reason, line.count]));
  }
}
