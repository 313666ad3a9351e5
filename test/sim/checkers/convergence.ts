// Guarantees 15 and 18: each component comes to one configuration of exactly its daemons, all group lists agree with
// what the clients asked for, and nothing is stuck; and queues stay bounded, as far as counters of status tell.
import type { Life, SessionRecord, Step } from '../ledger.js';
import { OnlineChecker } from './checker.js';

const CONVERGENCE = '15/18 convergence';

export class Convergence extends OnlineChecker {
  readonly skipsDeliveries = true;
  private readonly groupCounts = new Map<Life, number>();

  step({ e, life }: Step): void {
    if (e.event === 'status' && life !== undefined) this.groupCounts.set(life, e.groups);
    if (e.event !== 'settled') return;
    for (const component of e.components) {
      const lives = this.configuration(component);
      const groups = this.groups(lives);
      for (const l of lives) this.nothingStuck(l, groups);
    }
    this.groupCounts.clear();
  }

  private configuration(component: readonly string[]): Life[] {
    const lives: Life[] = [];
    for (const daemon of component) {
      const life = this.court.ledger.present.get(daemon);
      if (life === undefined) this.court.report(CONVERGENCE, `${daemon} is not alive`);
      else lives.push(life);
    }
    const expected = lives.map((l) => l.key).join(' ');
    for (const l of lives)
      if (l.members.join(' ') !== expected)
        this.court.report(
          CONVERGENCE,
          `${l.key} is in ${l.config ?? 'nothing'} [${l.members.join(' ')}], not [${expected}]`,
        );
    const configs = new Set(lives.map((l) => l.config));
    if (configs.size > 1) this.court.report(CONVERGENCE, `[${expected}] are in ${[...configs].join(', ')}`);
    return lives;
  }

  /** Compares what every member was last shown with what the clients of the component asked for; answers how many. */
  private groups(lives: readonly Life[]): number {
    const members = new Map<string, SessionRecord[]>();
    for (const l of lives)
      for (const s of l.sessions) {
        if (!s.connected) continue;
        for (const g of s.asked.keys()) {
          const all = members.get(g);
          if (all === undefined) members.set(g, [s]);
          else all.push(s);
        }
      }
    for (const [group, all] of members) {
      const names = all.map((s) => s.name).sort();
      const expected = names.join(' ');
      const ids = new Set<string>();
      for (const s of all) {
        if (!s.membership) continue;
        const view = s.groups.get(group)?.view;
        if (view !== undefined) ids.add(view.id);
        const shown = view === undefined ? 'nothing' : [...view.members].sort().join(' ');
        if (shown !== expected)
          this.court.report(CONVERGENCE, `session ${s.uid} was last shown ${group} as [${shown}], not [${expected}]`);
        if (s.groups.get(group)?.transition === true)
          this.court.report(CONVERGENCE, `session ${s.uid} was left in the transition of ${group}`);
      }
      if (ids.size > 1) this.court.report(CONVERGENCE, `${group} has views ${[...ids].join(', ')} at rest`);
    }
    return members.size;
  }

  private nothingStuck(l: Life, groups: number): void {
    for (const s of l.sessions)
      if (!s.connected && !s.gone)
        this.court.report(CONVERGENCE, `the disconnect of session ${s.uid} at ${l.key} is stuck`);
    const count = this.groupCounts.get(l);
    if (count !== undefined && count !== groups)
      this.court.report(CONVERGENCE, `${l.key} knows ${count} groups, there are ${groups}`);
  }
}

/** Counters of status stay under their limits, and those of queues are 0 at rest. */
export class BoundedQueues extends OnlineChecker {
  readonly skipsDeliveries = true;
  private readonly counters = new Map<Life, Readonly<Record<string, number>>>();

  step({ e, life }: Step): void {
    if (e.event === 'status' && life !== undefined) {
      this.counters.set(life, e.counters);
      for (const [name, limit] of Object.entries(this.court.options.limits))
        if ((e.counters[name] ?? 0) > limit)
          this.court.report('bounded queues', `${life.key}: ${name} is ${e.counters[name] ?? 0}, limit ${limit}`);
    } else if (e.event === 'settled') {
      for (const [l, counters] of this.counters)
        for (const name of this.court.options.idleCounters)
          if (l.alive && (counters[name] ?? 0) !== 0)
            this.court.report('bounded queues', `${l.key}: ${name} is ${counters[name] ?? 0} at rest`);
      this.counters.clear();
    }
  }
}

/** No configuration changes while nothing is wrong, a stall of all daemons at once included. */
export class NoFalseAlarm extends OnlineChecker {
  readonly skipsDeliveries = true;
  private calm = false;

  step({ e }: Step): void {
    if (e.event === 'calm') this.calm = true;
    else if (e.event === 'calm-end') this.calm = false;
    else if (this.calm && e.event === 'install')
      this.court.report('no false alarm', `${e.daemon}/${e.incarnation} installs ${e.config} though nothing was wrong`);
  }
}
