// One session that sends each record to the group and, in the same message, to itself: what has come back was ordered, and
// whoever is in the group gets it. It joins nothing, so the group's members do not see it (core/plugin/export.ts).
import {
  buildFrame,
  type Bytes,
  type ExportBatch,
  type Exporter,
  type ExportResult,
  frameBytes,
  frameService,
  type Logger,
  NAME_BYTES,
  type Offer,
  PealError,
  readName,
  reasonOf,
  SENDER_OFFSET,
  ServiceBits,
  type Session,
  type SessionEnd,
  type Sessions,
  type SessionSink,
  type TimerHandle,
  type Timers,
} from 'peal/plugin';
import { GROUP_ERRORS } from './errors.js';

export const LEVELS = ['unreliable', 'reliable', 'fifo', 'causal', 'agreed', 'safe'] as const;
const BITS = {
  unreliable: ServiceBits.UNRELIABLE,
  reliable: ServiceBits.RELIABLE,
  fifo: ServiceBits.FIFO,
  causal: ServiceBits.CAUSAL,
  agreed: ServiceBits.AGREED,
  safe: ServiceBits.SAFE,
} as const;
/** The group and the session itself. */
const DESTINATIONS = 2;

export interface GroupOptions {
  readonly group: string;
  readonly sessionName: string;
  readonly level: (typeof LEVELS)[number];
  readonly type: number;
  readonly batchBytes: number;
  readonly stopWaitMs: number;
}

export interface GroupPorts {
  readonly sessions: Sessions;
  readonly timers: Timers;
  readonly log: Logger;
  readonly section: string;
}

interface UnderWay {
  left: number;
  readonly finish: (result: ExportResult) => void;
}

export class GroupExporter implements Exporter, SessionSink {
  readonly maxBatchBytes: number;
  readonly stopMs: number;
  private session: Session | undefined;
  private running = false;
  private underWay: UnderWay | undefined;
  private work: Promise<ExportResult> | undefined;
  private readonly largestBytes: number;
  private readonly counts = { exported_records: 0, failed_records: 0 };

  constructor(
    private readonly o: GroupOptions,
    private readonly ports: GroupPorts,
  ) {
    this.largestBytes = ports.sessions.maxMessageBytes - DESTINATIONS * NAME_BYTES;
    this.maxBatchBytes = Math.min(o.batchBytes, this.largestBytes);
    this.stopMs = o.stopWaitMs;
  }

  start(): Promise<void> {
    const refusal = this.open();
    if (refusal !== undefined) {
      const values = { name: this.o.sessionName, reason: refusal };
      return Promise.reject(PealError.of(GROUP_ERRORS.REFUSED, values));
    }
    this.running = true;
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.running = false;
    let timer: TimerHandle | undefined;
    if (this.work !== undefined) {
      timer = this.ports.timers.set(this.o.stopWaitMs, () => this.fail('the daemon stopped before it was ordered'));
      await this.work;
    }
    if (timer !== undefined) this.ports.timers.cancel(timer);
    this.session?.end('closed');
    this.session = undefined;
  }

  offer(batch: ExportBatch): Offer {
    if (!this.running || this.work !== undefined) return 'busy';
    const { records } = batch;
    this.work = new Promise<ExportResult>((finish) => {
      this.underWay = { left: records.length, finish };
      try {
        this.send(batch);
      } catch (error) {
        this.fail(reasonOf(error));
      }
    });
    // All may have come back at once.
    if (this.underWay !== undefined) return this.work;
    const { work } = this;
    this.work = undefined;
    return work;
  }

  deliver(frames: Bytes): void {
    for (let at = 0; at < frames.length; at += frameBytes(frames, at)) {
      const own = readName(frames, at + SENDER_OFFSET) === this.session?.privateGroup;
      if (!own || (frameService(frames, at) & ServiceBits.REGULAR) === 0 || this.underWay === undefined) continue;
      this.underWay.left--;
      this.counts.exported_records++;
      if (this.underWay.left === 0) this.finish({ ok: true });
    }
  }

  flush(): void {
    // Nothing is written anywhere: what came back was counted.
  }

  ended(reason: SessionEnd): void {
    this.session = undefined;
    this.fail(`the session was ended: ${reason}`);
  }

  describe(): Readonly<Record<string, number | string>> {
    return { session: this.session?.privateGroup ?? 'none', ...this.counts, on_the_way: this.underWay?.left ?? 0 };
  }

  /** Answers why not. */
  private open(): string | undefined {
    const { sessions, section } = this.ports;
    const request = { name: this.o.sessionName, membership: false, from: section, listener: section };
    const opened = sessions.open(request, this);
    if (typeof opened === 'string') return opened;
    this.session = opened;
    return undefined;
  }

  private send({ records }: ExportBatch): void {
    // One that was ended, e.g. by an operator, is opened anew.
    const refusal = this.session === undefined ? this.open() : undefined;
    const tooLarge = records.find(({ bytes }) => bytes.length > this.largestBytes);
    if (refusal !== undefined) this.fail(`no session: ${refusal}`);
    else if (tooLarge !== undefined)
      this.fail(`a record has ${tooLarge.bytes.length} bytes, a message ${this.largestBytes} at the most`);
    else
      this.submit(
        this.session!,
        records.map(({ bytes }) => bytes),
      );
  }

  private submit(session: Session, bodies: readonly Bytes[]): void {
    const groups = [this.o.group, session.privateGroup];
    const service = BITS[this.o.level];
    for (const body of bodies) {
      // A session that is ended while it sends has failed the batch already.
      if (this.session !== session) return;
      session.submit(buildFrame({ service, sender: session.privateGroup, groups, type: this.o.type, body }));
    }
  }

  private fail(detail: string): void {
    if (this.underWay === undefined) return;
    this.counts.failed_records += this.underWay.left;
    this.finish({ ok: false, detail });
  }

  private finish(result: ExportResult): void {
    const { finish } = this.underWay!;
    this.underWay = undefined;
    this.work = undefined;
    finish(result);
  }
}
