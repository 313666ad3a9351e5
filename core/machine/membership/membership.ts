// Membership: who is heard, who is accused, rounds, and who proposes which next configuration.
// Pure: rows, beats and timers in, rows, beats and proposals out. Design: docs/design/membership.md.
// Longer than most files: the states share the peer table and every event has to be read beside every state.
import { Hearing } from './hearing.js';
import type { Peer } from './peers.js';
import { setOf } from './sets.js';
import { encodeRow, type Row, type RowEntry } from './row.js';
import {
  ANSWER_LIMIT_MS,
  ASK_WAIT_MS,
  BEAT_EARLY_MS,
  BEAT_MS,
  BEAT_SLACK_MS,
  HEARING_LIMIT_MS,
  LATE_LOOP_MS,
  MERGE_PATIENCE_MS,
  MERGE_PERIODS,
  MERGE_ROW_MS,
  PROPOSAL_LIMIT_MS,
  RECHECK_MS,
  REPEAT_MS,
  ROW_MS,
  START_WAIT_MS,
} from '../options.js';
import { idText, Kind } from '../envelope.js';
import type { DaemonEvent, ListedDaemon } from '../ports.js';
import type { Bytes, Configuration, ConfigurationId, Evidence } from '../types.js';

export interface ProposedMember {
  readonly place: number;
  readonly incarnation: bigint;
}

export interface Proposal {
  readonly round: number;
  readonly id: ConfigurationId;
  /** By place, ascending. */
  readonly members: readonly ProposedMember[];
}

export type MembershipState = 'starting' | 'operational' | 'gathering' | 'recovering' | 'leaving' | 'stopped';

export interface MembershipOut {
  send(to: number | 'all', kind: Kind, body?: Bytes): void;
  sever(peer: number): void;
  reach(peers: readonly number[]): void;
  setTimer(key: MembershipTimer, ms: number): void;
  /** A recovery under way is given up: a higher round began. */
  abandon(): void;
  /** Lead the others to this configuration. */
  propose(p: Proposal): void;
  event(e: DaemonEvent): void;
}

export const MembershipTimer = { start: 0, beat: 1, row: 2, gather: 3, recheck: 4, doubt: 5 } as const;
export type MembershipTimer = (typeof MembershipTimer)[keyof typeof MembershipTimer];

export class Membership {
  state: MembershipState = 'starting';
  round = 0;
  /** Highest configuration time heard of, from anybody: a proposal goes above it. */
  highestTime = 0;
  /** Why the current round began, oldest first; goes into the record of the change. */
  causes: string[] = [];
  readonly #h: Hearing;
  #wall = 0;
  #accepted: Proposal | undefined = undefined;
  /** Highest time this life accepted: its configurations rise strictly. */
  #ownTime = 0;
  #sequence = 0;
  #rowDue = false;
  /** When the last row of the period went. */
  #ownRowAt = 0;
  #asks = false;
  #evaluateDue = false;
  #gatherSince = 0;
  #beatAt = 0;
  #fastUntil = 0;
  /** The whole configurations that could join ours, by name; in how many periods in a row they were all of them. */
  #jointKey = '';
  #jointPeriods = 0;
  /** ... and in how many each was one of them; since when there are any. */
  #stood: ReadonlyMap<string, number> = new Map<string, number>();
  #mergeSince: number | undefined = undefined;
  #answeredBy = new Set<number>();
  /** The places last given to `reach`. */
  #reached: readonly number[] = [];

  constructor(
    list: readonly ListedDaemon[],
    private readonly self: number,
    private readonly incarnation: bigint,
    private readonly idNumber: number,
    private readonly silenceLimitMs: number,
    private readonly out: MembershipOut,
  ) {
    this.#h = new Hearing(list, self, incarnation);
  }

  get peers(): readonly Peer[] {
    return this.#h.peers;
  }

  at(now: number, wall: number): void {
    this.#h.now = now;
    this.#wall = wall;
    if (this.#late() > LATE_LOOP_MS) this.#clocksAnew();
  }

  start(): void {
    this.#beatAt = this.#h.now;
    this.#reach();
    this.#rowDue = true;
    this.#asks = true;
    this.#fastUntil = this.#h.now + HEARING_LIMIT_MS;
    this.out.setTimer(MembershipTimer.row, MERGE_ROW_MS);
    this.out.setTimer(MembershipTimer.beat, BEAT_MS);
    // Nobody else in the list: nothing to wait for.
    this.out.setTimer(MembershipTimer.start, this.#h.peers.length === 1 ? 0 : START_WAIT_MS);
  }

  /** A message of that life arrived. False: a life that is over, do not listen. */
  heard(place: number, incarnation: bigint): boolean {
    const p = this.#h.peers[place]!;
    if (place === this.self) {
      if (incarnation > this.incarnation && this.state !== 'stopped') {
        this.state = 'stopped';
        const detail = `another process runs as ${p.name} and started later`;
        this.out.event({ kind: 'fatal', code: 'PEAL_DAEMON_NAME_TAKEN', detail });
      }
      return false;
    }
    if (p.isOver(incarnation) || (incarnation < p.incarnation && !this.#mayBeLater(p))) return false;
    if (incarnation !== p.incarnation) {
      const known = p.incarnation !== 0n;
      p.reborn(incarnation);
      p.hear(this.#h.now);
      if (known && this.#concerns(place))
        this.#accuse(p, { kind: 'restarted', detail: 'a later life of it was heard' });
      return true;
    }
    p.hear(this.#h.now);
    return true;
  }

  /**
   * May a lower incarnation be the later life? Yes, if its clock was set back: but only when nothing was heard of the
   * higher one for so long that nobody counts on it. (Where both live, the higher is heard all the time.)
   */
  #mayBeLater(p: Peer): boolean {
    return !this.#h.isListed(p.place) && !this.#accepts(p.place) && this.#h.now - p.heardAt > HEARING_LIMIT_MS;
  }

  /**
   * A beat arrived. If our own is half due it goes now: a cluster at rest then wakes together, once in a period, instead of
   * each daemon for each beat of the others (docs/performance.md, "Idle").
   */
  beaten(): void {
    if (this.state === 'operational' && this.#late() >= -BEAT_EARLY_MS) this.#onBeat();
  }

  sent(to: number | 'all'): void {
    if (to === 'all') for (const p of this.#h.peers) p.sentAt = this.#h.now;
    else this.#h.peers[to]!.sentAt = this.#h.now;
  }

  /** False: malformed. */
  receiveRow(place: number, bytes: Bytes): boolean {
    const p = this.#h.peers[place]!;
    const row = p.rows.read(bytes);
    if (!row) return false;
    if (p.row && row.sequence <= p.row.sequence) return true;
    p.row = row;
    p.rowAt = this.#h.now;
    this.highestTime = Math.max(this.highestTime, row.highestTime);
    if (row.leaving) {
      if (this.#concerns(place)) this.#accuse(p, { kind: 'left', detail: 'clean leave' });
      p.end();
      return true;
    }
    if (row.asks) this.#rowDue = true;
    if (this.state === 'stopped' || this.state === 'leaving') return true;
    if (this.#related(place, row) && row.round > this.round) this.#gather(row.round, `round ${row.round} of ${p.name}`);
    if (this.state === 'gathering') this.#rowInRound(p, row);
    else if (this.state === 'operational') this.#rowAtRest(p, row);
    return true;
  }

  #rowInRound(p: Peer, row: Row): void {
    if (row.round >= this.round && !this.#answeredBy.has(p.place)) {
      this.#answeredBy.add(p.place);
      if (this.#disputed()) this.#rowDue = true;
    }
    this.#evaluateDue = true;
  }

  #rowAtRest(p: Peer, row: Row): void {
    this.#reach();
    if (this.#h.isMember(p.place)) {
      if (this.#h.gone(row)) {
        const detail = `it is in configuration ${idText(row.configuration)} without us`;
        this.#accuse(p, { kind: 'moved', detail });
      }
      // It came in the place of a beat.
      if (this.#h.neighbours().includes(p)) this.beaten();
      return;
    }
    if (this.#h.now >= this.#fastUntil && p.hears(this.#h.now)) {
      // A newcomer: both sides speak up, so that a merge needs no full period.
      this.#fastUntil = this.#h.now + HEARING_LIMIT_MS;
      this.#rowDue = true;
      this.out.setTimer(MembershipTimer.row, MERGE_ROW_MS);
    }
  }

  /** A peer can be reached again: tell it where we stand, soon and often. */
  reachable(): void {
    if (this.state === 'stopped') return;
    this.#rowDue = true;
    if (this.#h.now >= this.#fastUntil) this.out.setTimer(MembershipTimer.row, MERGE_ROW_MS);
    this.#fastUntil = Math.max(this.#fastUntil, this.#h.now + ROW_MS);
  }

  down(place: number, why: Evidence): void {
    const p = this.#h.peers[place]!;
    if (why.kind !== 'refused' && why.kind !== 'unanswered') return;
    // Whom we have not heard for long we have lost before: its last row says nothing of now.
    const lost = this.#h.isListed(place) || this.#accepts(place) || this.#h.now - p.heardAt <= HEARING_LIMIT_MS;
    if (lost && this.#concerns(place)) this.#accuse(p, why);
    else p.forget();
  }

  /** From the link: it means the life that is in our configuration, not a later one that was heard since. */
  suspect(place: number, why: Evidence): void {
    if (this.#h.isMember(place)) this.#accuse(this.#h.peers[place]!, why);
  }

  /** Something did not go on in time; nobody in particular is to blame. */
  raise(why: string): void {
    if (this.state === 'stopped' || this.state === 'leaving') return;
    this.#gather(this.#highestRound() + 1, why);
  }

  /** The recovery under way made no progress. If it was a merge, the edges to those who would have joined us broke. */
  stuck(why: string): void {
    for (const { place } of this.#accepted?.members ?? [])
      if (this.state === 'recovering' && place !== this.self && !this.#h.isListed(place))
        this.#h.peers[place]!.broke(this.#h.now);
    this.raise(why);
  }

  /** May this proposal be accepted? If so it is: from here on the state is `recovering`. Else in a word why not. */
  accept(p: Proposal): string | undefined {
    const refusal = this.#refusal(p);
    if (refusal !== undefined) return refusal;
    this.#accepted = p;
    // Our rows say who has answered in the round that they name.
    if (p.round !== this.round) this.#answeredBy.clear();
    this.round = p.round;
    this.#ownTime = p.id.time;
    this.highestTime = Math.max(this.highestTime, p.id.time);
    this.state = 'recovering';
    this.out.setTimer(MembershipTimer.start, -1);
    this.out.setTimer(MembershipTimer.gather, -1);
    return undefined;
  }

  #refusal(p: Proposal): string | undefined {
    if (this.state === 'stopped' || this.state === 'leaving') return 'leaving';
    if (p.round < this.round) return 'lower round';
    if (p.round === this.#accepted?.round) return 'another proposal of this round was accepted';
    if (p.id.time - p.members.length <= this.#ownTime) return 'time not above the last accepted';
    if (!p.members.some((m) => m.place === this.self && m.incarnation === this.incarnation)) return 'not for this life';
    for (const m of p.members) {
      const peer = this.#h.peers[m.place]!;
      if (m.place === this.self) continue;
      if (peer.incarnation !== m.incarnation || !peer.hears(this.#h.now)) return `does not hear ${peer.name}`;
    }
    return undefined;
  }

  /** The accepted proposal was committed. */
  installed(c: Configuration): void {
    const before = this.#h.configuration;
    this.#h.configuration = c;
    this.state = 'operational';
    this.causes = [];
    for (const p of this.#h.peers) {
      if (p.place === this.self) continue;
      const member = this.#h.isMember(p.place);
      if (member) p.heardAt = this.#h.now;
      else if (p.accused || before?.members.some((m) => m.place === p.place)) {
        p.forget();
        this.out.sever(p.place);
      }
      p.accused = undefined;
    }
    this.#jointKey = '';
    this.#stood = new Map<string, number>();
    this.#mergeSince = undefined;
    this.#fastUntil = this.#h.now + ROW_MS;
    this.#rowDue = true;
    this.out.setTimer(MembershipTimer.start, -1);
    this.out.setTimer(MembershipTimer.gather, -1);
    this.out.setTimer(MembershipTimer.row, MERGE_ROW_MS);
    this.#reach();
  }

  /** Tells the others; nothing is accepted from here on. */
  leave(): void {
    if (this.state === 'recovering') this.out.abandon();
    this.state = 'stopped';
    this.round++;
    this.out.send('all', Kind.row, encodeRow(this.#ownRow(true)));
  }

  timer(key: MembershipTimer): void {
    if (this.state === 'stopped') return;
    switch (key) {
      case MembershipTimer.start:
        if (this.state === 'starting') this.#gather(this.round + 1, 'start');
        return;
      case MembershipTimer.beat:
        return this.#onBeat();
      case MembershipTimer.row:
        return this.#onRow();
      case MembershipTimer.gather:
        return this.#onGather();
      case MembershipTimer.recheck:
        // A full turn of reading is done; once more, since a burst may need more than one.
        return this.out.setTimer(MembershipTimer.doubt, RECHECK_MS);
      case MembershipTimer.doubt:
        return this.#judge();
    }
  }

  /** End of a tick: rows and decisions that several events of the tick asked for are made once. */
  flush(): void {
    if (this.state === 'stopped') return;
    for (let i = 0; i < 4 && this.#evaluateDue && this.state === 'gathering'; i++) {
      this.#evaluateDue = false;
      this.#evaluate();
    }
    if (this.#rowDue) {
      this.#rowDue = false;
      this.out.send('all', Kind.row, encodeRow(this.#ownRow(false)));
      this.#asks = false;
    }
  }

  /** Own row for an answer to a refused proposal. */
  rowBytes(): Bytes {
    return encodeRow(this.#ownRow(this.state === 'stopped'));
  }

  describe(): string {
    const c = this.#h.configuration;
    const names = c ? c.members.map((m) => m.name).join(',') : '-';
    return `${this.state} round ${this.round} configuration ${idText(c?.id)} {${names}}`;
  }

  // --- timers ---

  /** How late the beat timer is, milliseconds; negative before its time. */
  #late(): number {
    return this.#h.now - this.#beatAt - BEAT_MS;
  }

  /**
   * Our own loop stood still: what we did not hear says nothing of the others, nor does an answer that did not come. Before
   * anything else is done: a row may be read before the timers run, and would begin a round with nobody left.
   */
  #clocksAnew(): void {
    const { peers, now } = this.#h;
    const until = now - this.#late();
    for (const p of peers) if (p.hears(until)) p.heardAt = now;
    this.#gatherSince = now;
  }

  #onBeat(): void {
    const late = this.#late();
    this.#beatAt = this.#h.now;
    this.out.setTimer(MembershipTimer.beat, BEAT_MS);
    const operational = this.state === 'operational';
    const neighbours = operational ? this.#h.neighbours() : [];
    if (operational && this.#h.now + BEAT_MS > this.#ownRowAt + ROW_MS) this.#onRow();
    else
      for (const n of neighbours)
        if (this.#h.now - n.sentAt >= BEAT_MS - BEAT_SLACK_MS) this.out.send(n.place, Kind.beat);
    // The clocks are new. The others hear us at once, since they may have stood still less long than this and judge sooner.
    if (!operational || late > LATE_LOOP_MS) return;
    let soonest = BEAT_MS;
    for (const n of neighbours)
      soonest = Math.min(soonest, n.heardAt + n.silenceLimit(this.silenceLimitMs) + 1 - this.#h.now);
    // A limit that ends before the next beat is looked at when it ends, not a beat later.
    if (soonest < BEAT_MS) this.out.setTimer(MembershipTimer.recheck, Math.max(0, soonest));
    else if (this.#silent().length > 0) this.out.setTimer(MembershipTimer.recheck, 0);
  }

  /** Members that were silent too long: neighbours by the short limit, others by their rows. */
  #silent(): Peer[] {
    const c = this.#h.configuration;
    if (!c || this.state !== 'operational') return [];
    const near = new Set(this.#h.neighbours());
    return c.members
      .map((m) => this.#h.peers[m.place]!)
      .filter((p) => {
        if (p.place === this.self || p.accused) return false;
        const limit = near.has(p) ? p.silenceLimit(this.silenceLimitMs) : HEARING_LIMIT_MS;
        return this.#h.now - p.heardAt > limit;
      });
  }

  #judge(): void {
    if (this.state === 'operational') {
      for (const p of this.#silent())
        this.#accuse(p, { kind: 'silent', detail: `nothing heard for ${this.#h.now - p.heardAt} ms` });
    } else if (this.state === 'gathering') {
      for (const place of this.#unanswering())
        this.#accuse(this.#h.peers[place]!, { kind: 'silent', detail: `no answer to round ${this.round}` });
    }
  }

  /** Who lives answers at once: silent beyond its limit and asked in vain is enough, as is a long wait. */
  #unanswering(): number[] {
    const waited = this.#h.now - this.#gatherSince;
    return this.#waitingFor().filter((place) => {
      const p = this.#h.peers[place]!;
      const silent = this.#h.now - p.heardAt > p.silenceLimit(this.silenceLimitMs);
      return waited > ANSWER_LIMIT_MS || (silent && waited >= ASK_WAIT_MS);
    });
  }

  /** The row of the period: at rest it goes in the place of the last beats before it is due, so that nobody wakes up for it alone. */
  #onRow(): void {
    const fast = this.#h.now < this.#fastUntil || this.state !== 'operational';
    this.#ownRowAt = this.#h.now;
    this.out.setTimer(MembershipTimer.row, fast ? MERGE_ROW_MS : ROW_MS);
    this.#rowDue = true;
    if (this.state === 'operational') {
      this.#reach();
      this.#considerMerge();
    } else if (this.state === 'starting') this.#considerMerge();
  }

  #onGather(): void {
    if (this.state !== 'gathering') return;
    this.out.setTimer(MembershipTimer.gather, REPEAT_MS);
    this.#rowDue = true;
    this.#asks = true;
    this.#evaluateDue = true;
    const waited = this.#h.now - this.#gatherSince;
    if (this.#unanswering().length > 0) this.out.setTimer(MembershipTimer.recheck, 0);
    else if (waited > PROPOSAL_LIMIT_MS) this.raise(`no proposal in round ${this.round}`);
  }

  // --- evidence and rounds ---

  #accuse(p: Peer, why: Evidence): void {
    if (p.accused || this.state === 'stopped' || this.state === 'leaving' || this.state === 'starting') return;
    const restarted = why.kind === 'restarted';
    if (!restarted) p.accused = why;
    if (why.kind !== 'left' && why.kind !== 'moved') p.broke(this.#h.now);
    this.out.event({ kind: 'suspected', peer: p.name, why });
    this.#gather(this.#highestRound() + 1, `${p.name}: ${why.kind}, ${why.detail}`);
  }

  #gather(round: number, why: string): void {
    if (this.state === 'recovering') this.out.abandon();
    this.state = 'gathering';
    this.round = round;
    this.causes.push(why);
    if (this.causes.length > 16) this.causes.shift();
    this.out.event({ kind: 'round', round, why });
    this.#gatherSince = this.#h.now;
    this.#answeredBy.clear();
    for (const p of this.#h.peers)
      if (p.row && p.row.round >= round && p.hears(this.#h.now)) this.#answeredBy.add(p.place);
    this.#rowDue = true;
    this.#asks = true;
    this.#evaluateDue = true;
    this.out.setTimer(MembershipTimer.gather, ASK_WAIT_MS);
  }

  #highestRound(): number {
    let r = this.round;
    for (const p of this.#h.peers) if (p.row && this.#related(p.place, p.row)) r = Math.max(r, p.row.round);
    return r;
  }

  /** Everybody whose answer this round waits for, heard by us. */
  #waitingFor(): number[] {
    return this.#candidates().filter((place) => {
      const p = this.#h.peers[place]!;
      return (
        place !== this.self && p.hears(this.#h.now) && !this.#answeredBy.has(place) && !(p.row && this.#h.gone(p.row))
      );
    });
  }

  /** Members of our configuration in the life we know, and those whose configuration holds us. */
  #candidates(): number[] {
    return this.#h.peers.filter((p) => p.place === this.self || this.#concerns(p.place)).map((p) => p.place);
  }

  /** Would its loss matter to us now? */
  #concerns(place: number): boolean {
    if (this.#h.isListed(place)) return true;
    const p = this.#h.peers[place]!;
    if (this.#accepts(place)) return true;
    return p.row !== undefined && this.#h.holdsUs(p.row);
  }

  /** Do its rounds matter to us? A partner of a merge under way counts: when it gives up, so must we. */
  #related(place: number, row: Row): boolean {
    return this.#h.isMember(place) || this.#h.holdsUs(row) || this.#accepts(place);
  }

  /** Is it, in whatever life, a member of the proposal that is being recovered? */
  #accepts(place: number): boolean {
    return this.state === 'recovering' && this.#accepted?.members.some((m) => m.place === place) === true;
  }

  /** Do rows of this round disagree about somebody? Then "who answered whom" has to be told again. */
  #disputed(): boolean {
    const places = this.#candidates();
    return places.some((p) => {
      const mine = p === this.self || this.#h.peers[p]!.hears(this.#h.now);
      for (const q of this.#answeredBy)
        if (q !== p && (this.#h.peers[q]!.row?.entries.get(p)?.hears ?? false) !== mine) return true;
      return false;
    });
  }

  #evaluate(): void {
    const present = this.#present();
    if (!present) return;
    const mine = setOf(
      this.self,
      present,
      (a, b) => this.#h.edge(a, b),
      (p) => !this.#h.isMember(p) && p !== this.self,
    );
    if (mine[0] === this.self) this.#propose(mine, this.round);
  }

  /** Everybody who answered, directly or to somebody who did; undefined while an answer is awaited. */
  #present(): number[] | undefined {
    const present = [this.self];
    for (const place of this.#candidates()) {
      if (place === this.self) continue;
      const p = this.#h.peers[place]!;
      // Also one that we accuse: others hear its next life, which is no member of ours and will not answer.
      if (p.row ? !this.#takesPart(place, p.row) : !this.#h.isMember(place)) continue;
      if (p.hears(this.#h.now)) {
        if (!this.#answeredBy.has(place)) return undefined;
        present.push(place);
        continue;
      }
      // Not heard by us: those we hear may know better.
      let alive = false;
      for (const q of this.#answeredBy) {
        const { row } = this.#h.peers[q]!;
        // Who is in another configuration hears it too, but takes no part in this round: it will never answer there.
        if (!row || !this.#h.peers[q]!.hears(this.#h.now) || !this.#takesPart(q, row)) continue;
        const said = row.entries.get(place);
        if (!said?.hears || said.incarnation !== p.incarnation) continue;
        if (!said.answered) return undefined;
        alive = true;
      }
      if (alive) present.push(place);
    }
    return present;
  }

  #takesPart(place: number, row: Row): boolean {
    return !this.#h.gone(row) && (this.#h.isMember(place) || this.#h.holdsUs(row));
  }

  // --- merge ---

  #considerMerge(): void {
    const groups = this.#h.joinable();
    this.#stood = new Map(groups.map(({ key }) => [key, (this.#stood.get(key) ?? 0) + 1]));
    if (groups.length === 0) {
      this.#mergeSince = undefined;
      this.#jointKey = '';
      return;
    }
    this.#mergeSince ??= this.#h.now;
    this.#fastUntil = this.#h.now + ROW_MS;
    const key = groups.map((g) => g.key).join();
    this.#jointPeriods = key === this.#jointKey ? this.#jointPeriods + 1 : 1;
    this.#jointKey = key;
    const stands = this.#jointPeriods >= MERGE_PERIODS;
    // Somebody who comes and goes all the time must not keep the others apart.
    if (!stands && this.#h.now - this.#mergeSince <= MERGE_PATIENCE_MS) return;
    const joint = this.#h.joint(stands ? groups : groups.filter((g) => this.#stood.get(g.key)! >= MERGE_PERIODS));
    if (joint[0] === this.self && joint.some((p) => p !== this.self && !this.#h.isMember(p))) this.#merge(joint);
  }

  #merge(joint: readonly number[]): void {
    this.#jointKey = '';
    this.#mergeSince = undefined;
    let round = this.round;
    for (const p of joint) round = Math.max(round, this.#h.peers[p]!.row?.round ?? 0);
    this.causes.push(
      `merge with ${joint
        .filter((p) => !this.#h.isMember(p) && p !== this.self)
        .map((p) => this.#h.peers[p]!.name)
        .join(', ')}`,
    );
    this.#propose(joint, round + 1);
  }

  #propose(places: readonly number[], round: number): void {
    const time = Math.max(this.#wall, this.highestTime) + 1 + places.length;
    const members = places.map((place) => ({ place, incarnation: this.#h.peers[place]!.incarnation }));
    this.out.propose({ round, id: { number: this.idNumber, time }, members });
  }

  // --- own row, neighbours, reach ---

  #ownRow(leaving: boolean): Row {
    const entries = new Map<number, RowEntry>();
    for (const p of this.#h.peers) {
      const own = p.place === this.self;
      const m = this.#h.member(p.place);
      const hears = own || p.hears(this.#h.now);
      if (!hears && !m) continue;
      const incarnation = hears ? p.incarnation : m!.incarnation;
      const member = m !== undefined && m.incarnation === incarnation;
      entries.set(p.place, {
        place: p.place,
        incarnation,
        member,
        hears,
        answered: own || this.#answeredBy.has(p.place),
      });
    }
    const { round, highestTime } = this;
    this.#sequence++;
    const configuration = this.#h.configuration?.id;
    return { round, sequence: this.#sequence, highestTime, configuration, leaving, asks: this.#asks, entries };
  }

  /**
   * Own members; the first member dials everybody, the others whom they or any of their members hear: once one got
   * through, all do.
   */
  #reach(): void {
    const { peers, now, configuration } = this.#h;
    const all = !configuration || configuration.self === 0;
    const places = this.#h.others.filter((p) => {
      if (all || this.#h.isListed(p) || now - peers[p]!.heardAt < 2 * HEARING_LIMIT_MS) return true;
      return configuration.members.some((m) => peers[m.place]!.row?.entries.get(p)?.hears === true);
    });
    const before = this.#reached;
    if (places.length === before.length && places.every((p, i) => p === before[i])) return;
    this.#reached = places;
    this.out.reach(places);
  }
}
