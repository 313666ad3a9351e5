// Guarantee 4: equal ids mean equal members in equal order; ids never come again; times of configurations rise.
import type { Life, SessionRecord, Step } from '../ledger.js';
import type { InstallEvent, ViewEvent } from '../trace.js';
import { OnlineChecker } from './checker.js';

const VIEW_IDENTITY = '4 view identity';

interface Known {
  readonly members: string;
  readonly by: Set<SessionRecord>;
}

export class ViewIdentity extends OnlineChecker {
  readonly skipsDeliveries = true;
  private readonly views = new Map<string, Known>();
  private readonly configs = new Map<string, { members: string; by: Set<Life> }>();
  private readonly times = new Map<Life, number>();

  step({ e, session, life }: Step): void {
    if (e.event === 'view' && session !== undefined) this.view(e, session);
    else if (e.event === 'install' && life !== undefined) this.install(e, life);
  }

  private view(e: ViewEvent, session: SessionRecord): void {
    const key = `${e.group} ${e.id}`;
    const members = e.members.join(' ');
    const known = this.views.get(key);
    if (known === undefined) {
      this.views.set(key, { members, by: new Set([session]) });
      this.order(e);
      return;
    }
    if (known.members !== members)
      this.court.report(VIEW_IDENTITY, `view ${e.id} of ${e.group} is [${known.members}] and [${members}]`);
    if (known.by.has(session))
      this.court.report(VIEW_IDENTITY, `session ${session.uid} is shown view ${e.id} of ${e.group} again`);
    known.by.add(session);
  }

  /** Members stand in the order of the daemon list, then of their names. */
  private order(e: ViewEvent): void {
    const { daemons } = this.court.ledger;
    const rank = (name: string): number => daemons.indexOf(name.slice(name.lastIndexOf('#') + 1));
    let last = '';
    for (const name of e.members) {
      const r = rank(name);
      const l = last === '' ? -1 : rank(last);
      if (r < l || (r === l && name <= last))
        this.court.report(VIEW_IDENTITY, `view ${e.id} of ${e.group} has ${name} behind ${last}`);
      last = name;
    }
  }

  private install(e: InstallEvent, life: Life): void {
    const members = e.members.join(' ');
    const known = this.configs.get(e.config);
    if (known === undefined) this.configs.set(e.config, { members, by: new Set([life]) });
    else {
      if (known.members !== members)
        this.court.report(VIEW_IDENTITY, `configuration ${e.config} is [${known.members}] and [${members}]`);
      if (known.by.has(life)) this.court.report(VIEW_IDENTITY, `${life.key} installs ${e.config} again`);
      known.by.add(life);
    }
    const time = this.times.get(life);
    if (time !== undefined && e.time <= time)
      this.court.report(VIEW_IDENTITY, `${life.key} installs time ${e.time} after ${time}`);
    this.times.set(life, e.time);
  }
}
