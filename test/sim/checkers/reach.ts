// Guarantees 1, 15 and 17 from the other side: what is sent while nothing goes wrong reaches every member of its
// groups in the sender's component, whoever sent it; members and strangers to the group alike.
import type { MessageRecord, SessionRecord, Step } from '../ledger.js';
import type { Checker, Court } from './checker.js';

export class OpenGroups implements Checker {
  readonly skipsDeliveries = true;
  private calm = false;
  private sent: MessageRecord[] = [];
  /** Who had asked for each group before the calm and did not move since. */
  private members = new Map<string, Set<SessionRecord>>();

  constructor(private readonly court: Court) {}

  step({ e, session, message }: Step): void {
    if (e.event === 'calm') this.begin();
    else if (e.event === 'calm-end') this.judge();
    else if (!this.calm) return;
    else if (e.event === 'send' && message !== undefined) this.sent.push(message);
    else if (e.event === 'leave' && session !== undefined) this.members.get(e.group)?.delete(session);
  }

  finish(): void {
    return;
  }

  private begin(): void {
    this.calm = true;
    this.sent = [];
    this.members = new Map();
    for (const life of this.court.ledger.present.values())
      for (const s of life.sessions) {
        this.member(s.name, s);
        for (const g of s.asked.keys()) this.member(g, s);
      }
  }

  private member(group: string, s: SessionRecord): void {
    let all = this.members.get(group);
    if (all === undefined) this.members.set(group, (all = new Set()));
    all.add(s);
  }

  private judge(): void {
    this.calm = false;
    for (const m of this.sent) {
      if (!m.sender.life.alive || m.sender.life.leaving) continue;
      const to = new Set(m.send.groups.flatMap((g) => [...(this.members.get(g) ?? [])]));
      for (const s of to) {
        if (!s.connected || s.life.leaving || s.life.config !== m.sender.life.config) continue;
        if (s.delivered.has(m.id) || (m.send.discard && s === m.sender)) continue;
        this.court.report(
          '17 open groups',
          `message ${m.id} of session ${m.sender.uid} to ${m.send.groups.join(' ')}, sent at ${m.send.t} in a calm, never reached session ${s.uid} at ${s.life.key}`,
        );
      }
    }
    this.sent = [];
  }
}
