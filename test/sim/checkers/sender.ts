// Guarantees 6 and 8, seen from the sender: its own messages come back to it, and everybody gets them in its order.
import { Service } from '../../../core/wire/frame.js';
import type { MessageRecord, SessionRecord, Step } from '../ledger.js';
import { OnlineChecker } from './checker.js';

const SELF_DELIVERY = '6 self delivery';

interface Owed {
  readonly messages: Map<number, MessageRecord>;
  /** Request numbers of leaves not yet answered by a self-leave, per group. */
  readonly leaves: Map<string, number[]>;
}

/**
 * A sender that stays connected is delivered its own reliable-or-better message if it is a member of a destination
 * (or wrote to itself): before its own later leave takes effect, and at the latest when everything is at rest.
 */
export class SelfDelivery extends OnlineChecker {
  private readonly owed = new Map<SessionRecord, Owed>();

  step({ e, session, message }: Step): void {
    if (e.event === 'settled') this.settled();
    if (session === undefined) return;
    if (e.event === 'send' && message !== undefined) this.sent(session, message);
    else if (e.event === 'deliver') {
      if (message?.sender === session) this.owed.get(session)?.messages.delete(e.id);
    } else if (e.event === 'leave' && session.asked.has(e.group)) {
      const { leaves } = this.of(session);
      const all = leaves.get(e.group) ?? [];
      all.push(session.requests + 1);
      leaves.set(e.group, all);
    } else if (e.event === 'self-leave') this.left(session, e.group);
    else if (e.event === 'disconnect') this.owed.delete(session);
  }

  private of(s: SessionRecord): Owed {
    let o = this.owed.get(s);
    if (o === undefined) this.owed.set(s, (o = { messages: new Map(), leaves: new Map() }));
    return o;
  }

  private sent(s: SessionRecord, m: MessageRecord): void {
    const { service, groups, discard } = m.send;
    if (discard || service < Service.RELIABLE) return;
    if (groups.some((g) => g === s.name || s.asked.has(g))) this.of(s).messages.set(m.id, m);
  }

  private left(s: SessionRecord, group: string): void {
    const owed = this.of(s);
    const request = owed.leaves.get(group)?.shift();
    if (request === undefined) {
      this.court.report('1 integrity', `session ${s.uid} is told that it left ${group}, which it did not ask for`);
      return;
    }
    for (const m of owed.messages.values()) {
      if (m.request > request) break;
      if (m.send.service < this.court.options.ordered) continue;
      this.court.report(SELF_DELIVERY, `session ${s.uid} left ${group} before its own earlier message ${m.id} came`);
      owed.messages.delete(m.id);
    }
  }

  private settled(): void {
    for (const [s, owed] of this.owed) {
      if (!s.connected || s.life.leaving) {
        this.owed.delete(s);
        continue;
      }
      for (const m of owed.messages.values())
        this.court.report(
          SELF_DELIVERY,
          `session ${s.uid} at ${s.life.key} never got its own message ${m.id} to ${m.send.groups.join(' ')}, sent at ${m.send.t}`,
        );
      owed.messages.clear();
    }
  }
}

/** Messages of one connection with FIFO or stronger service are delivered in sending order. */
export class Fifo extends OnlineChecker {
  private readonly last = new Map<SessionRecord, Map<SessionRecord, MessageRecord>>();

  step({ e, session, message }: Step): void {
    if (e.event !== 'deliver' || session === undefined || message === undefined) return;
    if (message.send.service < Service.FIFO) return;
    let of = this.last.get(session);
    if (of === undefined) this.last.set(session, (of = new Map<SessionRecord, MessageRecord>()));
    const before = of.get(message.sender);
    if (before !== undefined && before.request > message.request)
      this.court.report('8 fifo', `session ${session.uid} gets message ${message.id} after the later ${before.id}`);
    of.set(message.sender, message);
  }
}
