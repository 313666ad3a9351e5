// A client's place in ordered groups (docs/design/line.md, 4): the session it gets with its first command for groups, what it knows of
// its groups, how it sends, and the lines that tell it what happens.
import { buildFrame, isGroupName, MAX_GROUPS, NAME_BYTES, readEvents, ServiceBits } from 'peal/plugin';
import type { Bytes, FrameEvent, Reply, Session, SessionEnd, Sessions, SessionSink } from 'peal/plugin';
import { type EventForm, eventBytes, type Level, LEVEL_BITS } from './events.js';
import { Receiver, type Wanted } from './receive.js';

/** Events held back by `receive off` may have so many bytes, whatever their number. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;

export interface SeatHost {
  readonly sessions: Sessions;
  /** Name of the listener. */
  readonly section: string;
  /** Where the client comes from. */
  readonly from: string;
  /** Events that may be held back. */
  readonly maxHeldEvents: number;
  /** One event, whole. */
  event(bytes: Bytes): void;
  /** End of a tick in which there were events. */
  flush(): void;
  /** The daemon ended the session. */
  ended(reason: SessionEnd): void;
  kick(detail: string): void;
  timer(ms: number, fn: () => void): () => void;
}

const CLOSING = 421;
const NO_SESSION = 450;
const NOT_NOW = 503;
const NO_NAME = 553;

export class Seat implements SessionSink {
  level: Level = 'agreed';
  /** Of messages: signed 16 bit. */
  type = 0;
  /** The sender gets no copy. */
  discard = false;
  form: EventForm = 'text';
  private session_: Session | undefined;
  /** Groups that were asked for, and their members as far as a view told. */
  private readonly views = new Map<string, readonly string[] | undefined>();
  private readonly receiver: Receiver;

  constructor(private readonly host: SeatHost) {
    this.receiver = new Receiver((bytes) => host.event(bytes));
  }

  /** The session, if there is one. */
  get session(): Session | undefined {
    return this.session_;
  }

  /** Groups the client is a member of, or has asked to be. */
  get groups(): readonly string[] {
    return [...this.views.keys()];
  }

  /** Members by the last view of a group; undefined for a group without one. */
  members(group: string): readonly string[] | undefined {
    return this.views.get(group);
  }

  /** Largest data of a message to so many groups. */
  largestBytes(groups: number): number {
    return this.host.sessions.maxMessageBytes - NAME_BYTES * groups;
  }

  /** Opens a session, or answers why there is none; an empty name asks the daemon for one. */
  open(name: string): Session | Reply {
    if (this.session_ !== undefined) {
      if (name === '' || name === this.session_.name) return this.session_;
      return { code: NOT_NOW, text: `the session is ${this.session_.privateGroup} already` };
    }
    const { sessions, section, from } = this.host;
    const opened = sessions.open({ name, membership: true, from, listener: section }, this);
    switch (opened) {
      case 'illegal-name':
        return { code: NO_NAME, text: 'illegal name: 1 to 10 characters from $ to ~' };
      case 'not-unique':
        return { code: NO_NAME, text: 'the name is in use' };
      case 'quota':
        return { code: NO_SESSION, text: 'all sessions are taken' };
      case 'stopping':
        return { code: CLOSING, text: 'the daemon stops', close: true };
      default:
        this.session_ = opened;
        return opened;
    }
  }

  join(session: Session, group: string): void {
    if (!this.views.has(group)) this.views.set(group, undefined);
    session.submit(buildFrame({ service: ServiceBits.JOIN, sender: session.privateGroup, groups: [group] }));
  }

  /** False: not a member. */
  leave(session: Session, group: string): boolean {
    if (!this.views.has(group)) return false;
    session.submit(buildFrame({ service: ServiceBits.LEAVE, sender: session.privateGroup, groups: [group] }));
    return true;
  }

  send(session: Session, groups: readonly string[], data: Bytes): void {
    const service = LEVEL_BITS[this.level] | (this.discard ? ServiceBits.SELF_DISCARD : 0);
    session.submit(buildFrame({ service, sender: session.privateGroup, groups, type: this.type, body: data }));
  }

  /** Events are held back until asked for (false), or not. */
  receiving(on: boolean): void {
    this.receiver.hold(!on);
  }

  /** How many went out, and whether that is what was waited for; `withinMs` undefined: no limit. */
  async receive(
    count: number,
    wanted: Wanted,
    withinMs: number | undefined,
  ): Promise<{ given: number; late: boolean }> {
    let late = false;
    const cancel =
      withinMs === undefined
        ? undefined
        : this.host.timer(withinMs, () => {
            late = true;
            this.receiver.giveUp();
          });
    const given = await this.receiver.wait(count, wanted);
    cancel?.();
    return { given, late };
  }

  // ---- from the daemon -------------------------------------------------------------------------------------------

  deliver(frames: Bytes): void {
    for (const event of readEvents(frames) ?? []) {
      this.learn(event);
      this.receiver.event(eventBytes(event, this.form), event.kind === 'message' ? 'messages' : 'views');
    }
  }

  flush(): void {
    const { heldEvents, heldBytes } = this.receiver;
    if (heldEvents > this.host.maxHeldEvents || heldBytes > MAX_HELD_BYTES)
      this.host.kick(`${heldEvents} events with ${heldBytes} bytes wait to be received`);
    else this.host.flush();
  }

  ended(reason: SessionEnd): void {
    this.session_ = undefined;
    this.close();
    this.host.ended(reason);
  }

  // ---- the end ---------------------------------------------------------------------------------------------------

  /** Ends the session, if there is one. Idempotent. */
  end(reason: SessionEnd, detail?: string): void {
    const session = this.session_;
    this.session_ = undefined;
    this.close();
    session?.end(reason, detail);
  }

  private close(): void {
    this.views.clear();
    this.receiver.giveUp();
  }

  private learn(event: FrameEvent): void {
    if (event.kind === 'view') this.views.set(event.group, event.members);
    else if (event.kind === 'left') this.views.delete(event.group);
  }
}

/** Destinations as a command names them; undefined: one of them is no name, or there are too many. */
export function destinations(word: string, quoted: boolean): readonly string[] | undefined {
  const names = quoted ? [word] : word.split(',');
  const legal = names.length <= MAX_GROUPS && names.every((name) => isDestination(name));
  return legal ? names : undefined;
}

function isDestination(name: string): boolean {
  return isGroupName(name) || (name.startsWith('#') && isGroupName(name.replaceAll('#', '$')));
}
