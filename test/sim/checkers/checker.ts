// What a checker is: it sees every step of a trace, with the state before it, and reports violations.
import { Service } from '../../../core/wire/frame.js';
import type { Ledger, Step } from '../ledger.js';

export interface CheckerOptions {
  /** The least service (a bit of the client protocol) that is promised the one agreed order. */
  readonly ordered: number;
  /** Counters of status that must be 0 when everything is at rest. */
  readonly idleCounters: readonly string[];
  /** Counters of status that may never be above this. */
  readonly limits: Readonly<Record<string, number>>;
}

/** peal delivers everything in agreed order. */
export const PEAL_OPTIONS: CheckerOptions = { ordered: Service.UNRELIABLE, idleCounters: [], limits: {} };
/** Spread lets RELIABLE and UNRELIABLE overtake. */
export const SPREAD_OPTIONS: CheckerOptions = { ordered: Service.FIFO, idleCounters: [], limits: {} };

/** What checkers share. */
export interface Court {
  readonly ledger: Ledger;
  readonly options: CheckerOptions;
  report(guarantee: string, detail: string): void;
}

export interface Checker {
  /** It judges no deliveries, which most events of a trace are: it is not asked about them. */
  readonly skipsDeliveries?: true;
  step(s: Step): void;
  /** The trace is at its end. */
  finish(): void;
}

/** A checker of which nothing is left to say at the end. */
export abstract class OnlineChecker implements Checker {
  constructor(protected readonly court: Court) {}

  abstract step(s: Step): void;

  finish(): void {
    return;
  }
}
