// Start in order, stop in reverse, one at a time, each under a time limit, and a record of it all: the boot tree that
// `peal plugins` shows. The container's own dispose is not used: it runs in the order of creation and all at once.
import { PealError, type ErrorSpec, PLUGIN_ERRORS, reasonOf } from '../errors.js';
import type { Part } from '../plugin/define.js';
import type { Clock, Logger, Timers } from '../plugin/ports.js';
import type { PlannedPlugin } from './plan.js';

export type PartState = 'planned' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** One line of the boot tree; times in milliseconds, `startedAtMs` since the start of the daemon. */
export interface PartRecord {
  readonly planned: PlannedPlugin;
  state: PartState;
  startedAtMs: number | undefined;
  tookMs: number | undefined;
}

export interface LifecyclePorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

export interface LifecycleLimits {
  readonly startLimitMs: number;
  readonly stopLimitMs: number;
}

interface Entry {
  readonly record: PartRecord;
  readonly part: Part;
  /** Called when the part has stopped, however that went. */
  readonly released: () => void;
  readonly limits: LifecycleLimits;
}

/** The parts of one daemon. */
export class Lifecycle {
  private readonly entries: Entry[] = [];
  private readonly bornMs: number;
  private stopped = false;

  constructor(
    private readonly ports: LifecyclePorts,
    private readonly limits: LifecycleLimits,
  ) {
    this.bornMs = ports.clock.nowMs();
  }

  /** Adds the next in the order of start; `limits` where it has others than the rest. */
  add(planned: PlannedPlugin, part: Part, released: () => void, limits = this.limits): void {
    const record: PartRecord = { planned, state: 'planned', startedAtMs: undefined, tookMs: undefined };
    this.entries.push({ record, part, released, limits });
  }

  /** Rejects with a coded error at the first that fails, or when it was stopped; what was started is for `stop`. */
  async start(): Promise<void> {
    for (const entry of this.entries) {
      if (this.stopped) throw PealError.of(PLUGIN_ERRORS.START_STOPPED, { plugin: entry.record.planned.section.title });
      await this.startOne(entry);
    }
  }

  /** Stops all that was ever told to start, in reverse. A part that fails to stop is logged and does not stop the others. */
  async stop(): Promise<readonly PealError[]> {
    const errors: PealError[] = [];
    this.stopped = true;
    for (const entry of this.entries.toReversed()) {
      const error = await this.stopOne(entry);
      if (error !== undefined) errors.push(error);
    }
    return errors;
  }

  records(): readonly PartRecord[] {
    return this.entries.map((e) => e.record);
  }

  /** Where the running parts can be reached, in the order of start. */
  addresses(): readonly string[] {
    return this.entries.flatMap(({ part, record }) => (record.state === 'running' ? (part.addresses?.() ?? []) : []));
  }

  /** Plain values of every part that has some, by section. */
  describe(): Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>> {
    return Object.fromEntries(
      this.entries.flatMap(({ part, record }) =>
        part.describe === undefined ? [] : [[record.planned.section.title, described(part.describe.bind(part))]],
      ),
    );
  }

  private async startOne({ record, part, limits }: Entry): Promise<void> {
    const { clock } = this.ports;
    const title = record.planned.section.title;
    const begun = clock.nowMs();
    record.state = 'starting';
    record.startedAtMs = begun - this.bornMs;
    const limit = limits.startLimitMs;
    try {
      await this.within(limit, PLUGIN_ERRORS.START_TIMEOUT, title, async () => part.start?.());
    } catch (cause) {
      record.state = 'failed';
      if (cause instanceof PealError) throw cause.located(record.planned.section.at);
      const values = { plugin: title, detail: reasonOf(cause) };
      throw PealError.of(PLUGIN_ERRORS.START_FAILED, values, { at: record.planned.section.at, cause });
    }
    record.state = 'running';
    record.tookMs = clock.nowMs() - begun;
    this.ports.log.debug(`started ${title}`, { took_ms: record.tookMs });
  }

  private async stopOne({ record, part, released, limits }: Entry): Promise<PealError | undefined> {
    if (record.state === 'planned' || record.state === 'stopped') {
      if (record.state === 'planned') released();
      record.state = 'stopped';
      return undefined;
    }
    const title = record.planned.section.title;
    record.state = 'stopping';
    try {
      await this.within(limits.stopLimitMs, PLUGIN_ERRORS.STOP_TIMEOUT, title, async () => part.stop?.());
      return undefined;
    } catch (cause) {
      const values = { plugin: title, detail: reasonOf(cause) };
      const error = cause instanceof PealError ? cause : PealError.of(PLUGIN_ERRORS.STOP_FAILED, values, { cause });
      this.ports.log.warn(error.toString());
      return error;
    } finally {
      record.state = 'stopped';
      released();
    }
  }

  private within(
    limit: number,
    spec: ErrorSpec<(typeof PLUGIN_ERRORS)['START_TIMEOUT' | 'STOP_TIMEOUT']['message']>,
    plugin: string,
    work: () => Promise<void>,
  ): Promise<void> {
    return withLimit(this.ports.timers, limit, () => PealError.of(spec, { plugin, limit }), work);
  }
}

/** Does `work`, but rejects with `late()` when it takes longer than `limitMs`. What comes later is not heard. */
export function withLimit<T>(timers: Timers, limitMs: number, late: () => Error, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = timers.set(limitMs, () => {
      reject(late());
    });
    work()
      .then(resolve, (error: unknown) => {
        reject(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => {
        timers.cancel(timer);
      });
  });
}

/** What a plugin says of itself; one that cannot must not hide the others. */
function described(describe: NonNullable<Part['describe']>): ReturnType<NonNullable<Part['describe']>> {
  try {
    return describe();
  } catch (error) {
    return { error: reasonOf(error) };
  }
}
