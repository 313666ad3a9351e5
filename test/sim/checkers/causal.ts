// Guarantees 9 and 11 together: nobody delivers an answer without the question. Whoever was a member of the question's
// group since before this configuration, and delivers in it what was sent after its sender had delivered the question
// in it, has delivered the question: behind a gap only those may be heard who cannot have known what lies in it.
import { Service } from '../../../core/wire/frame.js';
import type { MessageRecord, SessionRecord, Step } from '../ledger.js';
import { OnlineChecker } from './checker.js';

/** What somebody delivered last in each of its groups while in one configuration. */
interface Last {
  readonly config: string;
  readonly groups: Map<string, MessageRecord>;
}

/** The same when a message was sent. */
interface Before {
  readonly config: string;
  readonly groups: readonly (readonly [group: string, message: MessageRecord])[];
}

export class NoCausalGaps extends OnlineChecker {
  private last = new Map<SessionRecord, Last>();
  private before = new Map<number, Before>();
  /** In which configuration a session first saw a group it is in. */
  private readonly entered = new Map<SessionRecord, Map<string, string>>();

  step({ e, session, message }: Step): void {
    if (e.event === 'settled') {
      this.last = new Map();
      this.before = new Map();
    }
    const config = session?.life.config;
    if (session === undefined || config === undefined) return;
    if (e.event === 'view') this.view(session, e.group, config);
    else if (e.event === 'self-leave') this.entered.get(session)?.delete(e.group);
    else if (message === undefined || message.send.service < Service.CAUSAL) return;
    else if (e.event === 'send') this.sent(session, message, config);
    else if (e.event === 'deliver') this.delivered(session, message, config);
  }

  private view(s: SessionRecord, group: string, config: string): void {
    let all = this.entered.get(s);
    if (all === undefined) this.entered.set(s, (all = new Map<string, string>()));
    if (!all.has(group)) all.set(group, config);
  }

  private sent(s: SessionRecord, m: MessageRecord, config: string): void {
    const known = this.last.get(s);
    if (known?.config === config) this.before.set(m.id, { config, groups: [...known.groups] });
  }

  private delivered(s: SessionRecord, m: MessageRecord, config: string): void {
    const before = this.before.get(m.id);
    for (const [group, message] of before?.config === config ? before.groups : []) {
      if (s.delivered.has(message.id) || (message.send.discard && message.sender === s)) continue;
      const since = this.entered.get(s)?.get(group);
      if (since === undefined || since === config) continue;
      this.court.report(
        '9 causality',
        `session ${s.uid} at ${s.life.key} gets message ${m.id}, but never got message ${message.id} to ${group}, which its sender had got before in ${config}`,
      );
    }
    let known = this.last.get(s);
    if (known?.config !== config) this.last.set(s, (known = { config, groups: new Map<string, MessageRecord>() }));
    for (const group of m.send.groups) if (s.groups.get(group)?.view !== undefined) known.groups.set(group, m);
  }
}
