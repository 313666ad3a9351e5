// Logging at a bounded rate: what may come a million times a second from outside is counted each time and logged now
// and then, with the number of times it came since. Nothing is silent, and nothing from outside can fill a disk.
import type { LogFields, Logger } from '../plugin/ports.js';

/** At most one line per subject in this time unless told otherwise, milliseconds. */
export const LOG_INTERVAL_MS = 10_000;
/** Subjects told apart; beyond that they share one. */
export const MAX_SUBJECTS = 512;

interface Subject {
  untilMs: number;
  /** Lines since that time began. */
  said: number;
  unsaid: number;
}

export class BoundedLog {
  private readonly subjects = new Map<string, Subject>();

  constructor(
    private readonly log: Pick<Logger, 'warn'>,
    /** Monotonic milliseconds. */
    private readonly now: () => number,
  ) {}

  /**
   * `subject` names the kind of line, e.g. "noise bad-hello 3"; the line that is written tells how many were not. `burst`: so many lines
   * in that time.
   */
  warn(subject: string, message: string, fields: LogFields = {}, burst = 1): void {
    const s = this.subject(subject);
    const now = this.now();
    if (now >= s.untilMs) {
      s.untilMs = now + LOG_INTERVAL_MS;
      s.said = 0;
    }
    if (s.said >= burst) {
      s.unsaid++;
      return;
    }
    this.log.warn(message, s.unsaid === 0 ? fields : { ...fields, before: s.unsaid });
    s.said++;
    s.unsaid = 0;
  }

  private subject(name: string): Subject {
    const known = this.subjects.get(name);
    if (known !== undefined) return known;
    if (this.subjects.size >= MAX_SUBJECTS) name = '';
    const fresh = this.subjects.get(name) ?? { untilMs: -Infinity, said: 0, unsaid: 0 };
    this.subjects.set(name, fresh);
    return fresh;
  }
}
