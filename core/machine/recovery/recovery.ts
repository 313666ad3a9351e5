// Recovery: from an accepted proposal to the next regular configuration. One member leads (the proposer); all report,
// get a plan, repair what they lack, say complete, and commit. Every message is idempotent and repeated until answered.
// Pure. Design: docs/design/recovery.md.
import { ByteReader, ByteWriter } from '../../wire/bytes.js';
import { Kind, sameId } from '../envelope.js';
import { RECOVERY_LIMIT_MS, REPAIR_WINDOW_BYTES, REPAIR_WINDOW_PACKS, REPEAT_MS } from '../options.js';
import type { ProposedMember, Proposal } from '../membership/membership.js';
import type { Bytes, ConfigurationId } from '../types.js';
import type { Entry } from '../delivery/log.js';
import {
  decodePlan,
  decodeReport,
  encodePlan,
  encodeReport,
  makePlan,
  type OldPlan,
  type Plan,
  type Report,
} from './plan.js';
import { decodeRepair, repairHead } from './repair.js';

/** The old configuration as recovery needs it; implemented by delivery. */
export interface History {
  holds(position: number): boolean;
  get(position: number): Entry | undefined;
  put(position: number, entry: Entry): void;
}

export interface RecoveryOut {
  send(to: number, kind: Kind, id: ConfigurationId, head: Bytes, body?: Bytes): boolean;
  setTimer(ms: number): void;
  /** What this member reports; called once per accepted proposal, after the link was frozen. */
  report(): Report;
  /** This member has all that the plan asks: its stable position and promises are the plan's from here on. */
  completed(plan: OldPlan): void;
  /** All have completed: deliver and install. */
  commit(p: Proposal, plan: Plan): void;
  /** No progress: a new round is wanted. */
  stuck(why: string): void;
}

interface Attempt {
  readonly proposal: Proposal;
  readonly leader: number;
  readonly report: Report;
  plan: Plan | undefined;
  old: OldPlan | undefined;
  complete: boolean;
  progressAt: number;
  /** Last position of the stretch asked for, 0: nothing asked. */
  askedTo: number;
}

/** What only the proposer keeps. */
interface Lead {
  readonly reports: Map<number, Report>;
  readonly complete: Set<number>;
  plan: Bytes | undefined;
}

const NO_BODY = new Uint8Array(0);

export class Recovery {
  #now = 0;
  #attempt: Attempt | undefined = undefined;
  #lead: Lead | undefined = undefined;
  /** The last configuration that was committed here: who asks gets the commit again. */
  #finished: ConfigurationId | undefined = undefined;

  constructor(
    private readonly self: number,
    private readonly history: History,
    private readonly out: RecoveryOut,
  ) {}

  at(now: number): void {
    this.#now = now;
  }

  /** The id obeyed now. */
  get accepted(): ConfigurationId | undefined {
    return this.#attempt?.proposal.id;
  }

  get complete(): boolean {
    return this.#attempt?.complete === true;
  }

  /** The proposal was accepted by this member; `leader` is the place of its proposer. */
  begin(proposal: Proposal, leader: number): void {
    const report = this.out.report();
    this.#attempt = {
      proposal,
      leader,
      report,
      plan: undefined,
      old: undefined,
      complete: false,
      progressAt: this.#now,
      askedTo: 0,
    };
    this.out.setTimer(REPEAT_MS);
    if (leader === this.self) {
      this.#lead = { reports: new Map(), complete: new Set(), plan: undefined };
      this.#propose();
      this.#reported(this.self, report);
    } else this.#sayReport();
  }

  /** A higher round began: what was repaired stays, the attempt is over. */
  abandon(): void {
    this.#attempt = undefined;
    this.#lead = undefined;
    this.out.setTimer(-1);
  }

  /** The same proposal again: our report was lost. */
  again(id: ConfigurationId): boolean {
    if (!sameId(this.accepted, id)) return false;
    if (this.#attempt && !this.#attempt.plan) this.#sayReport();
    return true;
  }

  /** A message of the recovery `id`; false: malformed. Messages of other ids are none of ours. */
  received(from: number, kind: Kind, id: ConfigurationId, bytes: Bytes): boolean {
    if (kind === Kind.complete && sameId(id, this.#finished)) {
      this.out.send(from, Kind.commit, id, NO_BODY);
      return true;
    }
    const a = this.#attempt;
    if (!a || !sameId(id, a.proposal.id) || !a.proposal.members.some((m) => m.place === from)) return true;
    switch (kind) {
      case Kind.report: {
        const report = decodeReport(bytes);
        if (report) this.#reported(from, report);
        return report !== undefined;
      }
      case Kind.plan: {
        const plan = decodePlan(bytes);
        if (plan && from === a.leader) this.#planned(a, plan);
        return plan !== undefined;
      }
      case Kind.need:
        return this.#answer(from, a, bytes);
      case Kind.repair:
        return this.#repaired(a, bytes);
      case Kind.complete:
        this.#completed(from);
        return true;
      case Kind.commit:
        if (from === a.leader || a.complete) this.#commit(a);
        return true;
      default:
        return true;
    }
  }

  /** A pack of the configuration being recovered arrived: somebody has installed it, so all were complete. */
  implied(): void {
    if (this.#attempt?.complete) this.#commit(this.#attempt);
  }

  timer(): void {
    const a = this.#attempt;
    if (!a) return;
    if (this.#now - a.progressAt > RECOVERY_LIMIT_MS) {
      this.out.stuck(`recovery stood still: ${this.describe()}`);
      return;
    }
    this.out.setTimer(REPEAT_MS);
    if (this.#lead) this.#repeatAsLeader(this.#lead);
    else if (!a.plan) this.#sayReport();
    if (a.plan && !a.complete) this.#ask(a);
    else if (a.complete && !this.#lead) this.out.send(a.leader, Kind.complete, a.proposal.id, NO_BODY);
  }

  describe(): string {
    const a = this.#attempt;
    if (!a) return 'idle';
    const lead = this.#lead;
    const of = a.proposal.members.length;
    const leads = lead ? ` leads: ${lead.reports.size} of ${of} reports, ${lead.complete.size} of ${of} complete` : '';
    return `${a.complete ? 'complete' : a.plan ? 'repairing' : 'reported'}${leads}`;
  }

  // --- as proposer ---

  #propose(): void {
    const { proposal } = this.#attempt!;
    const body = encodeProposal(proposal);
    for (const m of proposal.members)
      if (m.place !== this.self && !this.#lead!.reports.has(m.place))
        this.out.send(m.place, Kind.propose, proposal.id, body);
  }

  #reported(from: number, report: Report): void {
    const a = this.#attempt;
    const lead = this.#lead;
    if (!a || !lead || lead.plan || lead.reports.has(from)) return;
    lead.reports.set(from, report);
    a.progressAt = this.#now;
    if (lead.reports.size < a.proposal.members.length) return;
    const plan = makePlan(lead.reports);
    lead.plan = encodePlan(plan);
    for (const m of a.proposal.members)
      if (m.place !== this.self) this.out.send(m.place, Kind.plan, a.proposal.id, lead.plan);
    this.#planned(a, plan);
  }

  #completed(from: number): void {
    const a = this.#attempt;
    const lead = this.#lead;
    if (!a || !lead) return;
    if (!lead.complete.has(from)) a.progressAt = this.#now;
    lead.complete.add(from);
    if (lead.complete.size < a.proposal.members.length) return;
    for (const m of a.proposal.members)
      if (m.place !== this.self) this.out.send(m.place, Kind.commit, a.proposal.id, NO_BODY);
    this.#commit(a);
  }

  #repeatAsLeader(lead: Lead): void {
    const a = this.#attempt!;
    if (!lead.plan) return this.#propose();
    for (const m of a.proposal.members)
      if (m.place !== this.self && !lead.complete.has(m.place))
        this.out.send(m.place, Kind.plan, a.proposal.id, lead.plan);
  }

  // --- as member ---

  #sayReport(): void {
    const a = this.#attempt!;
    if (a.leader !== this.self) this.out.send(a.leader, Kind.report, a.proposal.id, encodeReport(a.report));
  }

  #planned(a: Attempt, plan: Plan): void {
    if (a.plan) return;
    const old = plan.olds.find((o) => sameId(o.id, a.report.old?.id));
    // A plan that leaves out the configuration we reported is not made from our report.
    if (a.report.old && !old?.together.includes(this.self)) return;
    a.plan = plan;
    a.progressAt = this.#now;
    a.old = old;
    this.#ask(a);
  }

  /** Asks for the first stretch that is missing; nothing missing: complete. */
  #ask(a: Attempt): void {
    for (const s of a.old?.segments ?? []) {
      if (s.holder === this.self) continue;
      for (let from = s.from; from <= s.to; from++) {
        if (this.history.holds(from)) continue;
        let to = from;
        while (to < s.to && to - from + 1 < REPAIR_WINDOW_PACKS && !this.history.holds(to + 1)) to++;
        a.askedTo = to;
        this.out.send(s.holder, Kind.need, a.proposal.id, new ByteWriter(12).u48(from).u48(to).finish());
        return;
      }
    }
    a.complete = true;
    a.progressAt = this.#now;
    if (a.old) this.out.completed(a.old);
    if (this.#lead) this.#completed(this.self);
    else this.out.send(a.leader, Kind.complete, a.proposal.id, NO_BODY);
  }

  #answer(from: number, a: Attempt, bytes: Bytes): boolean {
    const r = new ByteReader(bytes);
    const first = r.u48();
    const last = Math.min(r.u48(), first + REPAIR_WINDOW_PACKS - 1);
    if (!r.ok || first < 1) return false;
    let budget = REPAIR_WINDOW_BYTES;
    for (let p = first; p <= last; p++) {
      const e = this.history.get(p);
      if (!e) continue;
      budget -= e.pack.bytes.length;
      const end = p === last || budget <= 0;
      if (!this.out.send(from, Kind.repair, a.proposal.id, repairHead(p, e, end), e.pack.bytes)) break;
      if (end) break;
    }
    return true;
  }

  #repaired(a: Attempt, bytes: Bytes): boolean {
    const repair = decodeRepair(bytes);
    if (!repair) return false;
    if (!a.plan || a.complete) return true;
    const wanted = a.old?.segments.some((s) => repair.position >= s.from && repair.position <= s.to) === true;
    if (wanted && !this.history.holds(repair.position)) {
      this.history.put(repair.position, repair.entry);
      a.progressAt = this.#now;
    }
    if (repair.end || repair.position === a.askedTo) this.#ask(a);
    return true;
  }

  #commit(a: Attempt): void {
    if (!a.plan || !a.complete) return;
    this.#finished = a.proposal.id;
    this.#attempt = undefined;
    this.#lead = undefined;
    this.out.setTimer(-1);
    this.out.commit(a.proposal, a.plan);
  }
}

export function encodeProposal(p: Proposal): Bytes {
  const w = new ByteWriter(8 + 10 * p.members.length);
  w.u32(p.round).u16(p.members.length);
  for (const m of p.members) w.u16(m.place).u64(m.incarnation);
  return w.finish();
}

/** Undefined: malformed. `places` is the length of the daemon list. */
export function decodeProposal(id: ConfigurationId, bytes: Bytes, places: number): Proposal | undefined {
  const r = new ByteReader(bytes);
  const round = r.u32();
  const count = r.u16();
  if (!r.ok || count < 1 || count > places || r.left !== count * 10) return undefined;
  const members: ProposedMember[] = [];
  for (let i = 0; i < count; i++) {
    const place = r.u16();
    const incarnation = r.u64();
    if (place >= places || (i > 0 && place <= members[i - 1]!.place)) return undefined;
    members.push({ place, incarnation });
  }
  return { round, id, members };
}
