// The keeper: one session in some groups, a log per group in storage, a bounded queue for the exporter. A message to its
// private group asks for a replay; its body is the name of the group (plugins/service/memory/README.md).
import {
  buildFrame,
  type Bytes,
  DATA_LENGTH_OFFSET,
  type Exporter,
  frameBytes,
  frameGroups,
  frameService,
  HEADER_BYTES,
  HINT_OFFSET,
  type ErrorTable,
  type Logger,
  NAME_BYTES,
  PealError,
  readName,
  readU32,
  reasonOf,
  SENDER_OFFSET,
  type Service,
  ServiceBits,
  type Session,
  type SessionEnd,
  type Sessions,
  type SessionSink,
  type Store,
} from 'peal/plugin';
import { ExportQueue } from './queue.js';

/** Type of the message without a body that ends a replay. */
export const END_OF_REPLAY = -1;
/** Longest request that is read: a name of a group. */
const MAX_REQUEST_BYTES = NAME_BYTES;

export interface KeeperOptions {
  readonly sessionName: string;
  readonly groups: readonly string[];
  readonly keepMessages: number;
  readonly queueBytes: number;
}

export interface KeeperPorts {
  readonly sessions: Sessions;
  readonly store: Store;
  readonly exporter: Exporter | undefined;
  readonly log: Logger;
  readonly section: string;
  readonly errors: ErrorTable<{ readonly REFUSED: readonly ["the session '{name}' was refused: {reason}", string] }>;
}

export class Keeper implements Service, SessionSink {
  private session: Session | undefined;
  private readonly queue: ExportQueue;
  private kept = 0;
  private lost = 0;
  private replays = 0;

  constructor(
    private readonly options: KeeperOptions,
    private readonly ports: KeeperPorts,
  ) {
    this.queue = new ExportQueue(ports.exporter, options.queueBytes, ports.section, ports.log);
  }

  start(): Promise<void> {
    const { sessions, section, errors } = this.ports;
    const name = this.options.sessionName;
    const opened = sessions.open({ name, membership: false, from: section, listener: section }, this);
    if (typeof opened === 'string') return Promise.reject(PealError.of(errors.REFUSED, { name, reason: opened }));
    this.session = opened;
    for (const group of this.options.groups)
      opened.submit(buildFrame({ service: ServiceBits.JOIN, sender: opened.privateGroup, groups: [group] }));
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.session?.end('closed');
    this.session = undefined;
    this.queue.close();
    return Promise.resolve();
  }

  deliver(frames: Bytes): void {
    for (let at = 0; at < frames.length; at += frameBytes(frames, at)) this.frame(frames, at);
  }

  flush(): void {
    this.queue.push();
  }

  ended(reason: SessionEnd): void {
    this.session = undefined;
    if (reason !== 'stopping') this.ports.log.warn('the session was ended', { reason });
  }

  describe(): Readonly<Record<string, number>> {
    return { kept: this.kept, lost: this.lost, replays: this.replays, ...this.queue.describe() };
  }

  private frame(frames: Bytes, at: number): void {
    if ((frameService(frames, at) & ServiceBits.REGULAR) === 0) return;
    const groups = frameGroups(frames, at);
    const body = at + HEADER_BYTES + NAME_BYTES * groups;
    const bodyBytes = readU32(frames, at + DATA_LENGTH_OFFSET);
    for (let i = 0; i < groups; i++) {
      const group = readName(frames, at + HEADER_BYTES + NAME_BYTES * i);
      if (group === this.session?.privateGroup) {
        if (bodyBytes <= MAX_REQUEST_BYTES) this.answer(readName(frames, at + SENDER_OFFSET), frames, body, bodyBytes);
      } else if (this.options.groups.includes(group)) {
        // The run is shared with other sessions and would be kept alive by a part of it: what stays is copied.
        this.keep(group, frames.slice(at, at + frameBytes(frames, at)));
      }
    }
  }

  private keep(group: string, frame: Bytes): void {
    const log = this.ports.store.log(group);
    log
      .append(frame)
      .then((number) => {
        this.kept++;
        this.queue.add(`${group} ${number}`, frame);
        if (number > this.options.keepMessages) return log.trim(number - this.options.keepMessages);
        return undefined;
      })
      .catch((error: unknown) => {
        this.lost++;
        if (this.lost === 1) this.ports.log.warn(`a message was not kept: ${reasonOf(error)}`);
      });
  }

  private answer(asker: string, frames: Bytes, at: number, bytes: number): void {
    let group = '';
    for (let i = at; i < at + bytes && frames[i] !== 0; i++) group += String.fromCharCode(frames[i]!);
    if (!this.options.groups.includes(group)) return;
    this.replays++;
    const log = this.ports.store.log(group);
    log
      .read(log.bounds().first, Number.MAX_SAFE_INTEGER)
      .then((records) => {
        for (const { bytes: frame } of records) this.reply(asker, typeOf(frame), bodyOf(frame));
        this.reply(asker, END_OF_REPLAY, new Uint8Array(0));
      })
      .catch((error: unknown) => {
        this.ports.log.warn(`a replay failed: ${reasonOf(error)}`);
      });
  }

  private reply(asker: string, type: number, body: Bytes): void {
    const { session } = this;
    if (session === undefined) return;
    const sender = session.privateGroup;
    session.submit(buildFrame({ service: ServiceBits.FIFO, sender, groups: [asker], type, body }));
  }
}

function typeOf(frame: Bytes): number {
  return ((readU32(frame, HINT_OFFSET) >>> 8) << 16) >> 16;
}

function bodyOf(frame: Bytes): Bytes {
  return frame.subarray(HEADER_BYTES + NAME_BYTES * frameGroups(frame, 0));
}
