// Guarantees 11 to 13 (and 7 at the level of daemons): inside one regular configuration all members of a group see
// one gapless log of messages and views; who survives together leaves it at the same place and sees one log in the
// transitional configuration; what may be missing there was sent by others; SAFE messages are held by all.
// Needs the `install` and `transitional` events of the daemons; only sessions with membership notices are judged.
import { Service } from '../../../core/wire/frame.js';
import type { Life, Membership, SessionRecord, Step } from '../ledger.js';
import type { Checker, Court } from './checker.js';
import { type Entry, GroupLog, type Place, viewEntry } from './log.js';

const NO_GAPS = '11 no gaps';
const SAFE_REGULAR = '12 safe, regular configuration';
const SAFE_TRANSITIONAL = '13 transitional configuration';

/** Where one session is in the log of one group. */
interface Cursor {
  readonly session: SessionRecord;
  readonly log: GroupLog;
  at: Place;
  /** In the transitional part: where it left the regular one. */
  exit: Place | undefined;
}

/** The transitional log of those who survive together. */
interface Transitional {
  readonly log: GroupLog;
  readonly survivors: ReadonlySet<string>;
  /** Where its members left the regular one; undefined: nobody was a member then. */
  exit: Place | undefined;
  /** Who came through it into the next regular configuration. */
  readonly through: Cursor[];
}

interface ConfigLog {
  readonly config: string;
  readonly group: string;
  readonly regular: GroupLog;
  readonly transitionals: Map<string, Transitional>;
}

export class Logs implements Checker {
  private logs = new Map<string, ConfigLog>();
  private readonly cursors = new Map<Membership, Cursor>();

  constructor(private readonly court: Court) {}

  step({ e, life, session, membership, message }: Step): void {
    switch (e.event) {
      case 'deliver':
        if (session === undefined || message === undefined || message.send.discard) return;
        if (message.send.service < this.court.options.ordered) return;
        for (const g of e.groups.length === 1 ? e.groups : new Set(e.groups)) {
          const m = session.groups.get(g);
          if (m?.view !== undefined) this.advance(session, m, e.id);
        }
        return;
      case 'view':
        if (session !== undefined && membership !== undefined) this.advance(session, membership, viewEntry(e));
        return;
      case 'self-leave':
        if (membership !== undefined) this.cursors.delete(membership);
        return;
      case 'transitional':
        if (life !== undefined) this.transitional(life, e.survivors);
        return;
      case 'install':
        if (life !== undefined) this.through(life);
        return;
      case 'settled':
        this.judge();
        return;
      default:
    }
  }

  finish(): void {
    this.judge();
  }

  private of(life: Life, group: string): ConfigLog {
    const config = life.config ?? 'none';
    const key = `${config} ${group}`;
    let log = this.logs.get(key);
    if (log === undefined) {
      log = { config, group, regular: new GroupLog(), transitionals: new Map() };
      this.logs.set(key, log);
    }
    return log;
  }

  private advance(s: SessionRecord, m: Membership, entry: Entry): void {
    if (s.life.config === undefined) return;
    const cursor = this.cursors.get(m);
    if (cursor !== undefined) {
      this.step1(cursor, m.group, entry);
      return;
    }
    const of = this.of(s.life, m.group);
    const t = s.life.transitional;
    const transitional = t === undefined ? undefined : of.transitionals.get(t);
    const log = t === undefined ? of.regular : (transitional?.log ?? this.late(of, t).log);
    const at = m.view === undefined ? log.enter(entry) : log.begin();
    const fresh: Cursor = { session: s, log, at, exit: undefined };
    this.cursors.set(m, fresh);
    if (m.view !== undefined) this.step1(fresh, m.group, entry);
  }

  /** A transitional log begun by a group that had no member there at the transitional notice. */
  private late(of: ConfigLog, t: string): Transitional {
    const fresh = { log: new GroupLog(), survivors: new Set(t.split(' ')), exit: undefined, through: [] };
    of.transitionals.set(t, fresh);
    return fresh;
  }

  private step1(c: Cursor, group: string, entry: Entry): void {
    const wrong = c.log.advance(c.at, entry);
    if (wrong === undefined) return;
    const where = c.exit === undefined ? 'regular' : 'transitional';
    const config = c.session.life.config ?? 'none';
    this.court.report(
      c.exit === undefined ? NO_GAPS : SAFE_TRANSITIONAL,
      `${group} in ${where} ${config}: session ${c.session.uid} at ${c.session.life.key} sees ${entry} where others saw ${wrong}`,
    );
  }

  private transitional(life: Life, survivors: readonly string[]): void {
    const t = survivors.join(' ');
    for (const s of life.sessions)
      for (const m of s.groups.values()) {
        if (m.view === undefined || !s.connected) continue;
        const of = this.of(life, m.group);
        const at = this.cursors.get(m)?.at ?? of.regular.begin();
        const known = of.transitionals.get(t);
        const here: Transitional = known ?? {
          log: new GroupLog(),
          survivors: new Set(survivors),
          exit: { ...at },
          through: [],
        };
        if (known === undefined) of.transitionals.set(t, here);
        else if (known.exit === undefined) known.exit = { ...at };
        else if (known.exit.fragment !== at.fragment || known.exit.index !== at.index)
          this.court.report(
            NO_GAPS,
            `${m.group}: session ${s.uid} at ${life.key} leaves ${of.config} at another place than others of [${t}]`,
          );
        this.cursors.set(m, { session: s, log: here.log, at: here.log.begin(), exit: { ...at } });
      }
  }

  /** A life installs its next configuration: its sessions are through with the one before. */
  private through(life: Life): void {
    for (const s of life.sessions)
      for (const m of s.groups.values()) {
        const c = this.cursors.get(m);
        if (c === undefined) continue;
        this.cursors.delete(m);
        if (c.exit === undefined || life.transitional === undefined || !s.connected) continue;
        this.of(life, m.group).transitionals.get(life.transitional)?.through.push(c);
      }
  }

  /** Judges the configurations that nobody alive is in any more. */
  private judge(): void {
    const current = new Set([...this.court.ledger.present.values()].map((l) => l.config));
    const kept = new Map<string, ConfigLog>();
    for (const [key, log] of this.logs)
      if (current.has(log.config)) kept.set(key, log);
      else for (const t of log.transitionals.values()) this.closed(log, t);
    this.logs = kept;
  }

  /** A SAFE message delivered in a transitional set was promised by all of it, also by those who left it for a smaller one. */
  private safeInTransitional(of: ConfigLog, t: Transitional): void {
    for (const entry of t.log.rest(t.log.begin())) {
      const m = typeof entry === 'number' ? this.court.ledger.messages[entry] : undefined;
      if (m === undefined || (m.send.service & Service.SAFE) === 0) continue;
      for (const other of of.transitionals.values()) {
        if (other === t) continue;
        for (const c of other.through)
          if (t.survivors.has(c.session.life.key) && !c.session.delivered.has(m.id))
            this.court.report(
              SAFE_TRANSITIONAL,
              `${of.group} in ${of.config}: SAFE message ${m.id} was delivered in the transitional set [${[...t.survivors].join(' ')}], and session ${c.session.uid} at ${c.session.life.key} never got it`,
            );
      }
    }
  }

  private closed(of: ConfigLog, t: Transitional): void {
    for (const c of t.through)
      if (!c.log.atEnd(c.at))
        this.court.report(
          SAFE_TRANSITIONAL,
          `${of.group} in ${of.config}: session ${c.session.uid} misses ${c.log.rest(c.at)[0] ?? '?'} that others of its set saw`,
        );
    this.safeInTransitional(of, t);
    const beyond = t.exit === undefined ? [] : of.regular.rest(t.exit);
    for (const entry of beyond) {
      const m = typeof entry === 'number' ? this.court.ledger.messages[entry] : undefined;
      if (m === undefined) continue;
      const safe = (m.send.service & Service.SAFE) !== 0;
      const ours = t.survivors.has(m.sender.life.key);
      if (!safe && !ours) continue;
      for (const c of t.through)
        if (!c.session.delivered.has(m.id))
          this.court.report(
            safe ? SAFE_REGULAR : NO_GAPS,
            `${of.group}: message ${m.id} was delivered in regular ${of.config}, and session ${c.session.uid} at ${c.session.life.key} never got it`,
          );
    }
  }
}
