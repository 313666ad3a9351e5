// What the machine notices, as lines of the log: what an operator must see loudly, what explains a change of the group
// plainly, the rest for debugging. What any stranger at the data port can cause is written so many times a minute, and then counted.
import type { Logger } from 'peal/plugin';
import type { FloodEvent } from './machine/types.js';

const WINDOW_MS = 60_000;
/** Of one kind, in a window. */
const MOST_LINES = 20;
const BY_STRANGERS: ReadonlySet<FloodEvent['kind']> = new Set(['name-clash', 'refused', 'protocol-error']);

interface Written {
  sinceMs: number;
  lines: number;
  unsaid: number;
}

export class EventLog {
  private readonly written = new Map<FloodEvent['kind'], Written>();

  constructor(
    private readonly log: Logger,
    /** Milliseconds since some moment. */
    private readonly now: () => number,
  ) {}

  note(e: FloodEvent): void {
    const { log } = this;
    const { kind, ...facts } = e;
    const unsaid = BY_STRANGERS.has(kind) ? this.unsaid(kind) : 0;
    if (unsaid === undefined) return;
    const plain = Object.entries(facts).filter(([, value]) => typeof value !== 'object');
    const fields = { ...Object.fromEntries(plain), ...(unsaid > 0 ? { unsaid } : {}) };
    switch (kind) {
      case 'name-clash':
        log.error('two daemons claim to be one site', fields);
        break;
      case 'inconsistent':
        log.warn('this site and a peer differ', { ...fields, ranges: e.ranges.length });
        break;
      case 'dropped':
        log.warn('the data storage is full, updates were dropped', fields);
        break;
      case 'refused':
        log.warn(e.byUs ? 'a site was refused' : 'a site refused us', fields);
        break;
      case 'protocol-error':
        log.warn('what a site sent is against the protocol', fields);
        break;
      case 'generator':
        log.warn('the topology could not be computed', fields);
        break;
      case 'reborn':
        log.warn('this site is known with a larger incarnation, a larger one still is taken', fields);
        break;
      case 'site':
        log.info(`site ${e.site} is ${e.state}`, { why: e.why });
        break;
      case 'left':
      case 'purged':
      case 'members':
      case 'topology':
        log.info(TEXTS[kind], fields);
        break;
    }
  }

  /** How many of that kind were not written before this one; undefined: this is one more. */
  private unsaid(kind: FloodEvent['kind']): number | undefined {
    const now = this.now();
    const before = this.written.get(kind);
    if (before === undefined || now - before.sinceMs >= WINDOW_MS) {
      this.written.set(kind, { sinceMs: now, lines: 1, unsaid: 0 });
      return before?.unsaid ?? 0;
    }
    if (before.lines < MOST_LINES) {
      before.lines++;
      return 0;
    }
    before.unsaid++;
    return undefined;
  }
}

const TEXTS = {
  left: 'a site has left',
  purged: 'a site was not heard for long and is forgotten',
  members: 'the members of a group changed',
  topology: 'the topology of a group changed',
} as const;
