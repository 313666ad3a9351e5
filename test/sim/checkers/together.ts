// Guarantees 7 and 14: who passes together from one view to the next got the same messages in between, and the sets
// that say who passes together are true.
import { Service } from '../../../core/wire/frame.js';
import type { Membership, SessionRecord, Step } from '../ledger.js';
import type { ViewEvent } from '../trace.js';
import { OnlineChecker } from './checker.js';

interface First {
  readonly session: SessionRecord;
  readonly messages: readonly number[];
}

/** Between the same two views, members of the same virtual-synchrony set deliver the same messages in the same order. */
export class SameSet extends OnlineChecker {
  readonly skipsDeliveries = true;
  private readonly seen = new Map<string, First>();

  step({ e, session, membership }: Step): void {
    if (e.event === 'settled') this.seen.clear();
    if (e.event !== 'view' || session === undefined || membership?.view === undefined) return;
    const set = e.cause === 'network' ? (e.sets[e.own] ?? []).join(' ') : '';
    const key = `${e.group} ${membership.view.id} ${e.id} ${set}`;
    const messages = membership.since.filter((id) => this.counts(id));
    const first = this.seen.get(key);
    if (first === undefined) this.seen.set(key, { session, messages });
    else this.compare(e, membership.view, first, session, messages);
  }

  private counts(id: number): boolean {
    const m = this.court.ledger.messages[id];
    return m !== undefined && !m.send.discard && m.send.service >= Service.RELIABLE;
  }

  private compare(e: ViewEvent, from: ViewEvent, first: First, s: SessionRecord, messages: readonly number[]): void {
    if (messages.length === first.messages.length && messages.every((id, i) => id === first.messages[i])) return;
    const a = new Set(first.messages);
    const b = new Set(messages);
    const onlyA = first.messages.filter((id) => !b.has(id));
    const onlyB = messages.filter((id) => !a.has(id));
    if (onlyA.length + onlyB.length === 0) return;
    this.court.report(
      '7 same set between same views',
      `${e.group} from view ${from.id} to ${e.id}: only session ${first.session.uid} has [${onlyA.slice(0, 5).join(' ')}], ` +
        `only session ${s.uid} has [${onlyB.slice(0, 5).join(' ')}]`,
    );
  }
}

const SETS = '14 transitional sets';

/** The sets of a view partition its members, everybody is shown the same ones, and each set came from one view. */
export class TransitionalSets extends OnlineChecker {
  readonly skipsDeliveries = true;
  private readonly sets = new Map<string, string>();
  private readonly from = new Map<string, { session: SessionRecord; view: string }>();

  step({ e, session, membership }: Step): void {
    if (e.event !== 'view' || session === undefined || membership === undefined) return;
    const key = `${e.group} ${e.id}`;
    const text = e.sets.map((s) => s.join(' ')).join(' | ');
    const known = this.sets.get(key);
    if (known === undefined) this.sets.set(key, text);
    else if (known !== text) this.court.report(SETS, `view ${e.id} of ${e.group} has sets [${known}] and [${text}]`);
    if (e.cause === 'network') this.network(e, session, membership);
    else if (known === undefined) this.single(e);
  }

  private single(e: ViewEvent): void {
    const name = e.sets[0]?.[0];
    if (e.sets.length !== 1 || e.sets[0]?.length !== 1 || name === undefined)
      this.court.report(SETS, `view ${e.id} of ${e.group}, caused by ${e.cause}, has not exactly one name in its set`);
    else if (e.members.includes(name) !== (e.cause === 'join'))
      this.court.report(SETS, `view ${e.id} of ${e.group}: ${e.cause} of ${name}, members ${e.members.join(' ')}`);
  }

  private network(e: ViewEvent, s: SessionRecord, membership: Membership): void {
    const own = e.sets[e.own];
    if (own?.includes(s.name) !== true) {
      this.court.report(SETS, `session ${s.uid} is not in the set it is told is its own in view ${e.id} of ${e.group}`);
      return;
    }
    if ([...e.sets.flat()].sort().join(' ') !== [...e.members].sort().join(' '))
      this.court.report(SETS, `the sets of view ${e.id} of ${e.group} do not partition its members`);
    const key = `${e.group} ${e.id} ${own.join(' ')}`;
    const view = membership.view?.id ?? 'none';
    const first = this.from.get(key);
    if (first === undefined) this.from.set(key, { session: s, view });
    else if (first.view !== view)
      this.court.report(
        SETS,
        `sessions ${first.session.uid} and ${s.uid} are in one set of view ${e.id} of ${e.group} and came from views ${first.view} and ${view}`,
      );
  }
}
