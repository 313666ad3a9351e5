// Guarantees 1 to 3: what is delivered was sent, to whom it was meant for, once; who is shown a view is in it.
import type { MessageRecord, SessionRecord, Step } from '../ledger.js';
import type { DeliverEvent } from '../trace.js';
import { OnlineChecker } from './checker.js';

const INTEGRITY = '1 integrity';

const told = (s: SessionRecord): string => `session ${s.uid} (${s.name})`;

/** A message is delivered only if it was sent, unchanged, and to members of a destination group (or by private name). */
export class Integrity extends OnlineChecker {
  step({ e, session, message }: Step): void {
    if (session === undefined) return;
    if (e.event === 'deliver') {
      const wrong = this.wrong(e, session, message);
      if (wrong !== undefined) this.court.report(INTEGRITY, `${told(session)} is delivered message ${e.id}: ${wrong}`);
    } else if (e.event === 'view') {
      if (!session.connected) this.court.report(INTEGRITY, `${told(session)} is shown a view after its end`);
      for (const name of e.members)
        if (this.court.ledger.askedByName.get(name)?.has(e.group) !== true)
          this.court.report(INTEGRITY, `view ${e.id} of ${e.group} has ${name}, who never asked to join`);
    }
  }

  private wrong(e: DeliverEvent, s: SessionRecord, m: MessageRecord | undefined): string | undefined {
    if (m === undefined) return 'it was never sent';
    if (e.corrupt === true) return 'its bytes were changed';
    if (e.sender !== m.sender.name) return `its sender is ${m.sender.name}, not ${e.sender}`;
    if (e.service !== m.send.service) return `its service is ${m.send.service}, not ${e.service}`;
    if (e.bytes !== m.send.bytes) return `it has ${m.send.bytes} bytes, not ${e.bytes}`;
    if (e.groups !== m.send.groups && e.groups.join(' ') !== m.send.groups.join(' '))
      return `it was sent to ${m.send.groups.join(' ')}`;
    if (!s.connected) return 'the session had ended';
    if (m.send.discard && m.sender === s) return 'it asked for self-discard';
    for (const g of e.groups) {
      if (g === s.name) return undefined;
      if (s.membership ? s.groups.get(g)?.view !== undefined : s.everAsked.has(g)) return undefined;
    }
    return `it is in none of ${e.groups.join(' ')}`;
  }
}

/** Each session is delivered a message at most once. */
export class NoDuplicates extends OnlineChecker {
  step({ e, session }: Step): void {
    if (e.event === 'deliver' && session?.delivered.has(e.id) === true)
      this.court.report('2 no duplicates', `session ${session.uid} is delivered message ${e.id} again`);
  }
}

/** A session that is shown a view is in it; a daemon that installs a configuration is in it. */
export class SelfInclusion extends OnlineChecker {
  readonly skipsDeliveries = true;
  step({ e, session, life }: Step): void {
    if (e.event === 'view' && session !== undefined && !e.members.includes(session.name))
      this.court.report(
        '3 self inclusion',
        `session ${session.uid} is shown view ${e.id} of ${e.group} without itself`,
      );
    if (e.event === 'install' && life !== undefined && !e.members.includes(life.key))
      this.court.report('3 self inclusion', `${life.key} installs ${e.config} without itself`);
  }
}
