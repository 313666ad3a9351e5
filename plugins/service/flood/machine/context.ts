// What every part of the machine shares: the clock of the event under way, timers, counters, who we are. Nothing in here
// decides anything.
import type { FloodSettings, GroupSettings } from './settings.js';
import { Timers } from './timers.js';
import type { FloodBirth, FloodPorts } from './types.js';

const JITTER = 0.1;

/** Counters that never decrease in one life, by their names in `FloodStatistics`. */
export class Counters {
  updatesOriginated = 0;
  updatesReceived = 0;
  duplicates = 0;
  updatesExported = 0;
  exportRuns = 0;
  exportFailures = 0;
  exportDropped = 0;
  droppedDown = 0;
  droppedSend = 0;
  droppedExport = 0;
  droppedOversize = 0;
  droppedFull = 0;
  gapsAbandoned = 0;
  pings = 0;
  bandwidthProbes = 0;
  estimatesSent = 0;
  joinsSent = 0;
  joinsReceived = 0;
  topologiesComputed = 0;
  topologiesReceived = 0;
  generatorFailures = 0;
  protocolErrors = 0;
}

export class Context {
  nowMs = 0;
  wallMs: number;
  /** Time of `start`. */
  startedMs = 0;
  incarnation: number;
  /** Number of the cut that holds what is touched now. */
  cut = 1;
  /** All cuts up to here are stored. */
  storedCut = 0;
  /** Something was touched since the last cut: only then there will be a next one. */
  changed = false;
  leaving = false;
  readonly timers = new Timers();
  readonly counters = new Counters();
  readonly settings: FloodSettings;
  readonly self: string;

  constructor(
    readonly birth: FloodBirth,
    readonly ports: FloodPorts,
  ) {
    this.settings = birth.settings;
    this.self = birth.settings.site;
    this.wallMs = birth.wallMs;
    this.incarnation = Math.max(1, Math.floor(birth.wallMs));
  }

  /** Sets a timer `ms` from now. */
  after(name: string, ms: number, fire: () => void): void {
    this.timers.set(name, this.nowMs + ms, fire);
  }

  /** Calls `fire` every period with its jitter, the first time after `firstMs`; a period of 0 never. */
  every(name: string, periodMs: number, fire: () => void, firstMs = this.jittered(periodMs)): void {
    if (periodMs <= 0) return;
    this.after(name, firstMs, () => {
      fire();
      this.every(name, periodMs, fire);
    });
  }

  /** A period, up to a tenth longer or shorter, so that sites do not fall into step. */
  jittered(ms: number): number {
    return ms * (1 - JITTER + 2 * JITTER * this.ports.chance.real());
  }

  group(name: string): GroupSettings | undefined {
    return this.settings.groups.find((g) => g.name === name);
  }
}
