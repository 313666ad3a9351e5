// What `peal status` shows: the state of a daemon as plain values (they travel as JSON), and the same as text for people.
import type { ConfigurationId } from '../machine/types.js';
import type { ControlServer } from './control-server.js';
import { badArgument } from './control-wire.js';
import type { Driver, DriverStatus } from './driver.js';
import type { EndedSession, SessionInfo } from './sessions.js';

/** Sessions listed unless told otherwise. */
export const SESSIONS_LISTED = 100;
/** Most that are listed. */
export const MAX_SESSIONS_LISTED = 10_000;

/** What plugins say of themselves, by section. */
export type Described = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/** Plain JSON values; times relative to the moment of the report, milliseconds. */
export interface StatusReport {
  readonly daemon: string;
  readonly incarnation: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly upMs: number;
  readonly state: string;
  readonly round: number;
  readonly configuration: {
    readonly id: string;
    readonly members: readonly { name: string; incarnation: string }[];
    readonly maxPackBytes: number;
  } | null;
  readonly changes: readonly {
    readonly agoMs: number;
    readonly from: string | null;
    readonly to: string;
    readonly members: readonly string[];
    readonly why: readonly string[];
  }[];
  /** `heldMs`: it is not taken in again for that long. */
  readonly peers: readonly { name: string; heardMsAgo: number; hearsUs: boolean; heldMs: number }[];
  readonly sessions: number;
  readonly sessionLimit: number;
  readonly groups: number;
  readonly recentEnds: readonly EndedSession[];
  readonly medium: Readonly<Record<string, string | number | boolean>>;
  /** All plugins but the medium; a daemon that runs since before an update may not tell them. */
  readonly plugins?: Described;
  readonly counters: Readonly<Record<string, number>>;
  readonly slowest: readonly { name: string; ms: number; agoMs: number }[];
}

function idText(id: ConfigurationId): string {
  return `${id.number}.${id.time}`;
}

export function statusReport(status: DriverStatus, pid: number, plugins: Described = {}): StatusReport {
  const { machine, nowMs } = status;
  const { configuration } = machine;
  return {
    daemon: status.daemon,
    incarnation: status.incarnation.toString(),
    pid,
    startedAt: new Date(status.startedAtMs).toISOString(),
    upMs: status.upMs,
    state: machine.state,
    round: machine.round,
    configuration:
      configuration === undefined
        ? null
        : {
            id: idText(configuration.id),
            members: configuration.members.map(({ name, incarnation }) => ({
              name,
              incarnation: incarnation.toString(),
            })),
            maxPackBytes: configuration.maxPackBytes,
          },
    changes: machine.changes.map(({ atMs, from, to, members, why }) => ({
      agoMs: nowMs - atMs,
      from: from === undefined ? null : idText(from),
      to: idText(to),
      members,
      why,
    })),
    peers: machine.peers.map(({ name, heardMsAgo, hearsUs, heldUntilMs }) => ({
      name,
      heardMsAgo,
      hearsUs,
      heldMs: Math.max(0, heldUntilMs - nowMs),
    })),
    sessions: machine.sessions,
    sessionLimit: status.sessionLimit,
    groups: machine.groups,
    recentEnds: status.recentEnds,
    medium: status.medium,
    plugins,
    counters: { ...machine.counters, ...status.counters },
    slowest: status.slowest.map(({ name, ms, atMs }) => ({ name, ms, agoMs: Math.max(0, Math.floor(nowMs - atMs)) })),
  };
}

/** Adds the commands `status` and `sessions` of that driver. */
export function registerStatus(server: ControlServer, driver: Driver, pid: number, plugins: () => Described): void {
  const report = (): StatusReport => statusReport(driver.status(), pid, plugins());
  server.register('status', report, 'state, members, peers, plugins, counters');
  server.register(
    'sessions',
    ({ limit = SESSIONS_LISTED }): { total: number; sessions: readonly SessionInfo[] } => {
      if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > MAX_SESSIONS_LISTED)
        throw badArgument('sessions', 'limit', `it must be a whole number from 1 to ${MAX_SESSIONS_LISTED}`);
      return { total: driver.sessions.count, sessions: driver.sessions.list(limit) };
    },
    'open sessions in the order of opening; limit: how many',
  );
}

/** A span of time for people: 12 ms, 3.4 s, 5 m 12 s, 3 h 2 m, 4 d 1 h. */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  const whole = Math.floor(s);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** The report as text, its last line with an end. */
export function renderStatus(r: StatusReport): string {
  const lines = [
    `daemon ${r.daemon}, ${r.state}, up ${spanText(r.upMs)}, pid ${r.pid}, incarnation ${r.incarnation}`,
    ...configurationLines(r),
    ...section('peers', r.peers.map(peerLine)),
    ...section('changes', r.changes.toReversed().flatMap(changeLines)),
    `sessions ${r.sessions} of ${r.sessionLimit}, groups ${r.groups}`,
    ...section('sessions ended by fault', r.recentEnds.toReversed().map(endLine)),
    ...section('medium', table(r.medium)),
    ...Object.entries(r.plugins ?? {}).flatMap(([title, values]) => section(`[${title}]`, table(values))),
    ...section('counters', table(r.counters)),
    ...section(
      'slowest handlers',
      r.slowest.map((s) => `${s.ms.toFixed(1)} ms  ${s.name}, ${spanText(s.agoMs)} ago`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function configurationLines({ configuration, round, changes }: StatusReport): readonly string[] {
  if (configuration === null) return [`no configuration yet, round ${round}`];
  const names = configuration.members.map((m) => m.name).join(' ');
  const since = changes.at(-1);
  const age = since === undefined ? '' : `, for ${spanText(since.agoMs)}`;
  return [`configuration ${configuration.id}${age}: ${names} (packs up to ${configuration.maxPackBytes} bytes)`];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function peerLine(p: StatusReport['peers'][number]): string {
  const hears = p.hearsUs ? 'hears us' : 'does not hear us';
  const held = p.heldMs > 0 ? `, held back for ${spanText(p.heldMs)}` : '';
  const heard = p.heardMsAgo < 0 ? 'not heard' : `heard ${spanText(p.heardMsAgo)} ago`;
  return `${p.name}: ${heard}, ${hears}${held}`;
}

function changeLines(c: StatusReport['changes'][number]): readonly string[] {
  const from = c.from === null ? '' : `${c.from} -> `;
  return [
    `${spanText(c.agoMs)} ago: ${from}${c.to}: ${c.members.join(' ')}`,
    ...c.why.map((sentence) => `  ${sentence}`),
  ];
}

function endLine(e: EndedSession): string {
  const detail = e.detail === '' ? '' : `: ${e.detail}`;
  return `${new Date(e.atMs).toISOString()} ${e.name} from ${e.from}, ${e.reason}${detail}`;
}

function table(values: Readonly<Record<string, string | number | boolean>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `${name} ${value}`);
}
