// A client of the library (`peal/client`) whose every act and sight goes into a trace, like those of TracedClient: what the
// library says of views, sets and messages is judged with what the daemons did.
import {
  connect,
  type Message,
  type Session,
  type SessionEvent,
  type View,
} from '../../client-apis/binary/client/index.js';
import { LEVELS, type Level } from '../../client-apis/binary/client/events.js';
import { Service } from '../../core/wire/frame.js';
import { BODY_MIN_BYTES, message, messageType } from '../sim/payload.js';
import type { TraceEvent } from '../sim/trace.js';
import type { Daemon } from './processes.js';
import type { Recorder, Traced } from './traced-client.js';

const CONNECT_LIMIT_MS = 60_000;
const LEVEL_OF = new Map(Object.entries(LEVELS).map(([name, bit]) => [bit as number, name as Level]));

const idText = ({ number, time, index }: View['id']): string => `${number | 0}.${time | 0}.${index | 0}`;

export class LibraryClient implements Traced {
  readonly uid: number;
  readonly views = new Map<string, readonly string[]>();
  lastHeard = 0;
  open = true;
  readonly closed: Promise<void>;

  private constructor(
    private readonly recorder: Recorder,
    readonly daemon: Daemon,
    private readonly session: Session,
  ) {
    this.uid = ++recorder.sessions;
    const e = { t: recorder.now, event: 'connect', daemon: daemon.name, incarnation: String(daemon.life) } as const;
    recorder.emit({ ...e, session: this.uid, name: session.privateGroup, membership: true });
    for (const kind of ['message', 'view', 'transitional', 'left'] as const)
      session.on(kind, (said: SessionEvent) => this.saw(said));
    this.closed = new Promise((resolve) =>
      session.on('close', () => {
        this.open = false;
        resolve();
      }),
    );
  }

  /** Connects; rejects when the daemon refuses or is not there. */
  static async connect(recorder: Recorder, daemon: Daemon, name: string): Promise<LibraryClient> {
    const session = await connect({ ...daemon.where, name, timeoutMs: CONNECT_LIMIT_MS });
    return new LibraryClient(recorder, daemon, session);
  }

  get privateGroup(): string {
    return this.session.privateGroup;
  }

  get waiting(): number {
    return this.session.pending;
  }

  join(group: string): void {
    this.asks('join', group);
    this.session.join(group).catch(() => undefined);
  }

  leave(group: string): void {
    this.asks('leave', group);
    this.session.leave(group).catch(() => undefined);
  }

  private asks(event: 'join' | 'leave', group: string): void {
    this.recorder.emit({ t: this.recorder.now, event, session: this.uid, group });
  }

  multicast(service: number, groups: readonly string[], bytes: number): void {
    const id = this.recorder.sent.length;
    const sent = message(id, this.privateGroup, service, groups, false, bytes);
    this.recorder.sent.push(sent);
    const e = { t: this.recorder.now, event: 'send', session: this.uid, id, service, groups, bytes } as const;
    this.recorder.emit({ ...e, discard: false });
    const body = sent.frame.subarray(sent.frame.length - bytes);
    this.session.multicast(LEVEL_OF.get(service)!, groups, body, { type: messageType(id) });
  }

  async kill(): Promise<void> {
    this.recorder.emit({ t: this.recorder.now, event: 'disconnect', session: this.uid });
    this.session.kill();
    await this.closed;
  }

  destroy(): void {
    if (this.open) this.session.kill();
  }

  private saw(said: SessionEvent): void {
    const { recorder, uid: session } = this;
    this.lastHeard = recorder.now;
    const t = recorder.now;
    if (said.kind === 'message') recorder.emit(this.delivered(t, said));
    else if (said.kind === 'view') {
      this.views.set(said.group, said.members);
      const { group, cause, members, sets, localSet: own } = said;
      recorder.emit({ t, event: 'view', session, group, id: idText(said.id), cause, members, sets, own });
    } else if (said.kind === 'transitional')
      recorder.emit({ t, event: 'transition', session, group: said.group, id: idText(said.id) });
    else if (said.kind === 'left') recorder.emit({ t, event: 'self-leave', session, group: said.group });
  }

  private delivered(t: number, m: Message): TraceEvent {
    const bytes = m.data.length;
    const view = new DataView(m.data.buffer, m.data.byteOffset, bytes);
    const id = bytes >= BODY_MIN_BYTES ? view.getUint32(0, true) : -1;
    const sent = this.recorder.sent[id];
    const whole = sent !== undefined && Buffer.compare(sent.frame.subarray(sent.frame.length - bytes), m.data) === 0;
    const { sender, groups } = m;
    const service = m.service & Service.REGULAR;
    const e = { t, event: 'deliver', session: this.uid, id, sender, service, groups, bytes } as const;
    return whole && sent.sender === sender ? e : { ...e, corrupt: true };
  }
}
