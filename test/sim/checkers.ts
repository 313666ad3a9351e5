// All checkers over one trace: one per guarantee of extended virtual synchrony (docs/how-we-test.md has the list).
// Events are handed in as they come; every check is linear in the trace.
import { NoDuplicates, Integrity, SelfInclusion } from './checkers/integrity.js';
import { NoCausalGaps } from './checkers/causal.js';
import { SameConfiguration } from './checkers/configuration.js';
import { Convergence, BoundedQueues, NoFalseAlarm } from './checkers/convergence.js';
import { Logs } from './checkers/logs.js';
import { OpenGroups } from './checkers/reach.js';
import { Order } from './checkers/order.js';
import { Fifo, SelfDelivery } from './checkers/sender.js';
import { SameSet, TransitionalSets } from './checkers/together.js';
import { ViewIdentity } from './checkers/views.js';
import type { Checker, CheckerOptions, Court } from './checkers/checker.js';
import { Ledger, type Violation } from './ledger.js';
import type { TraceEvent } from './trace.js';

export type { CheckerOptions } from './checkers/checker.js';
export { PEAL_OPTIONS, SPREAD_OPTIONS } from './checkers/checker.js';

/** Reports kept per guarantee: the first ones tell most. */
const REPORTS_MAX = 5;

export class Checkers {
  readonly violations: Violation[] = [];
  readonly ledger = new Ledger();
  private readonly all: Checker[];
  private readonly ofDeliveries: Checker[];
  private readonly reports = new Map<string, number>();

  constructor(options: CheckerOptions) {
    const court: Court = {
      ledger: this.ledger,
      options,
      report: (guarantee, detail) => this.report(guarantee, detail),
    };
    this.all = [
      new Integrity(court),
      new NoDuplicates(court),
      new SelfInclusion(court),
      new ViewIdentity(court),
      new SameConfiguration(court),
      new SelfDelivery(court),
      new SameSet(court),
      new TransitionalSets(court),
      new Fifo(court),
      new Order(court),
      new NoCausalGaps(court),
      new Logs(court),
      new OpenGroups(court),
      new Convergence(court),
      new BoundedQueues(court),
      new NoFalseAlarm(court),
    ];
    this.ofDeliveries = this.all.filter((c) => c.skipsDeliveries !== true);
  }

  add(e: TraceEvent): void {
    const step = this.ledger.open(e);
    for (const c of e.event === 'deliver' ? this.ofDeliveries : this.all) c.step(step);
    this.ledger.close(step);
  }

  /** The end of the trace: what could only be judged now. */
  finish(): readonly Violation[] {
    for (const c of this.all) c.finish();
    return this.violations;
  }

  private report(guarantee: string, detail: string): void {
    const n = (this.reports.get(guarantee) ?? 0) + 1;
    this.reports.set(guarantee, n);
    if (n <= REPORTS_MAX) this.violations.push({ guarantee, t: this.ledger.t, detail });
  }
}

/** Judges a whole trace. */
export function check(trace: Iterable<TraceEvent>, options: CheckerOptions): readonly Violation[] {
  const checkers = new Checkers(options);
  for (const e of trace) checkers.add(e);
  return checkers.finish();
}
