// The state that follows from a trace so far: lives of daemons, sessions, messages, memberships. Kept once for all
// checkers; `apply` resolves each event to its records, so that a checker looks nothing up twice.
import { IdSet } from './ids.js';
import type { DeliverEvent, SendEvent, TraceEvent, ViewEvent } from './trace.js';

export interface Life {
  /** name/incarnation. */
  readonly key: string;
  readonly daemon: string;
  alive: boolean;
  /** SIGTERM was given: it owes nothing more to its clients. */
  leaving: boolean;
  config: string | undefined;
  previous: string | undefined;
  members: readonly string[];
  /** Survivors of the transitional configuration it is in, joined by a space; undefined: regular. */
  transitional: string | undefined;
  readonly sessions: Set<SessionRecord>;
}

/** What one session knows of one group. */
export interface Membership {
  readonly group: string;
  /** The last view it was shown; undefined: it is not in the group. */
  view: ViewEvent | undefined;
  /** A transition notice came after that view. */
  transition: boolean;
  /** Messages to the group delivered since that view. */
  since: number[];
}

export interface SessionRecord {
  readonly uid: number;
  readonly name: string;
  readonly life: Life;
  readonly membership: boolean;
  connected: boolean;
  gone: boolean;
  readonly groups: Map<string, Membership>;
  /** Groups asked for: the number of the request (of joins, leaves and messages together). */
  readonly asked: Map<string, number>;
  /** Groups it ever asked for. */
  readonly everAsked: Set<string>;
  requests: number;
  /** Ids of messages. */
  readonly delivered: IdSet;
}

export interface MessageRecord {
  readonly id: number;
  readonly sender: SessionRecord;
  /** Number of the request in its session. */
  readonly request: number;
  readonly send: SendEvent;
  /** In which configuration it was delivered first. */
  config: string | undefined;
  /** Its node in the graph of checkers/order.ts; -1: none. Here, not in a map: most of a trace is deliveries. */
  node: number;
}

/** One event with its records. Views: `membership.view` is still the one before. */
export interface Step {
  readonly e: TraceEvent;
  readonly life: Life | undefined;
  readonly session: SessionRecord | undefined;
  readonly membership: Membership | undefined;
  readonly message: MessageRecord | undefined;
}

export interface Violation {
  /** Number and name of the guarantee, as in docs/how-we-test.md. */
  readonly guarantee: string;
  readonly t: number;
  readonly detail: string;
}

export class Ledger {
  readonly lives = new Map<string, Life>();
  /** The present life of each daemon name. */
  readonly present = new Map<string, Life>();
  readonly sessions = new Map<number, SessionRecord>();
  /** Private group -> groups that any session of that name ever asked for: names come again. */
  readonly askedByName = new Map<string, Set<string>>();
  /** By id. */
  readonly messages: (MessageRecord | undefined)[] = [];
  daemons: readonly string[] = [];
  t = 0;

  /** Records what must be there before the checkers see the event. */
  open(e: TraceEvent): Step {
    this.t = e.t;
    switch (e.event) {
      case 'cluster':
        this.daemons = e.daemons;
        break;
      case 'boot':
        this.boot(e.daemon, e.incarnation);
        break;
      case 'connect':
        this.connect(e);
        break;
      case 'send':
        this.send(e);
        break;
      default:
    }
    const session = 'session' in e ? this.sessions.get(e.session) : undefined;
    const life = session?.life ?? ('incarnation' in e ? this.lives.get(`${e.daemon}/${e.incarnation}`) : undefined);
    const group = 'group' in e ? e.group : undefined;
    const membership = group === undefined || session === undefined ? undefined : membershipOf(session, group);
    const message = 'id' in e && typeof e.id === 'number' ? this.messages[e.id] : undefined;
    return { e, life, session, membership, message };
  }

  /** Applies what the checkers should see as the state before the event. */
  close({ e, life, session, membership, message }: Step): void {
    switch (e.event) {
      case 'install':
        if (life === undefined) break;
        life.previous = life.config;
        life.config = e.config;
        life.members = e.members;
        life.transitional = undefined;
        break;
      case 'transitional':
        if (life !== undefined) life.transitional = e.survivors.join(' ');
        break;
      case 'leaving':
        if (life !== undefined) life.leaving = true;
        break;
      case 'crash':
      case 'stop':
        if (life !== undefined) this.end(life);
        break;
      case 'disconnect':
      case 'gone':
        if (session === undefined) break;
        session.connected = false;
        session.gone = e.event === 'gone';
        if (session.gone) life?.sessions.delete(session);
        break;
      case 'join':
      case 'leave':
        if (session !== undefined) this.ask(session, e.event, e.group);
        break;
      case 'view':
        if (membership === undefined) break;
        membership.view = e;
        membership.transition = false;
        membership.since = [];
        break;
      case 'transition':
        if (membership !== undefined) membership.transition = true;
        break;
      case 'self-leave':
        session?.groups.delete(e.group);
        break;
      case 'deliver':
        if (session !== undefined) this.deliver(session, e);
        if (message !== undefined) message.config ??= life?.config;
        break;
      default:
    }
  }

  private boot(daemon: string, incarnation: string): void {
    const life: Life = {
      key: `${daemon}/${incarnation}`,
      daemon,
      alive: true,
      leaving: false,
      config: undefined,
      previous: undefined,
      members: [],
      transitional: undefined,
      sessions: new Set(),
    };
    this.lives.set(life.key, life);
    this.present.set(daemon, life);
  }

  private end(life: Life): void {
    life.alive = false;
    for (const s of life.sessions) s.connected = false;
    if (this.present.get(life.daemon) === life) this.present.delete(life.daemon);
  }

  private connect(e: TraceEvent & { event: 'connect' }): void {
    const life = this.lives.get(`${e.daemon}/${e.incarnation}`);
    if (life === undefined) throw new Error(`session ${e.session} connects to ${e.daemon}, which did not boot`);
    const s: SessionRecord = {
      uid: e.session,
      name: e.name,
      life,
      membership: e.membership,
      connected: true,
      gone: false,
      groups: new Map(),
      asked: new Map(),
      everAsked: new Set(),
      requests: 0,
      delivered: new IdSet(),
    };
    this.sessions.set(s.uid, s);
    life.sessions.add(s);
  }

  private ask(s: SessionRecord, what: 'join' | 'leave', group: string): void {
    s.requests++;
    if (what === 'leave') {
      s.asked.delete(group);
      return;
    }
    if (!s.asked.has(group)) s.asked.set(group, s.requests);
    s.everAsked.add(group);
    const all = this.askedByName.get(s.name);
    if (all === undefined) this.askedByName.set(s.name, new Set([group]));
    else all.add(group);
  }

  private send(e: SendEvent): void {
    const sender = this.sessions.get(e.session);
    if (sender === undefined) throw new Error(`message ${e.id} is sent by no session`);
    const request = ++sender.requests;
    this.messages[e.id] = { id: e.id, sender, request, send: e, config: undefined, node: -1 };
  }

  private deliver(s: SessionRecord, e: DeliverEvent): void {
    s.delivered.add(e.id);
    for (const g of e.groups) {
      const m = s.groups.get(g);
      if (m?.view !== undefined) m.since.push(e.id);
    }
  }
}

function membershipOf(s: SessionRecord, group: string): Membership {
  let m = s.groups.get(group);
  if (m === undefined) s.groups.set(group, (m = { group, view: undefined, transition: false, since: [] }));
  return m;
}
