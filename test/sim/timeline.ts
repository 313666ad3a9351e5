// A readable account of the last part of a trace: who crashed, was cut, installed what, and, of the many messages and
// views, those that a violation speaks of.
import type { Violation } from './ledger.js';
import type { TraceEvent } from './trace.js';

const DELIVERIES_SHOWN_MAX = 400;

/** Lines for the events from `lines` before the first violation on. */
export function timeline(trace: readonly TraceEvent[], violations: readonly Violation[], lines: number): string[] {
  const spoken = new Set<number>();
  const groups = new Set<string>();
  for (const v of violations) {
    for (const n of v.detail.matchAll(/(?:message|sees|saw|before|after|\[) ?(\d+)/g)) spoken.add(Number(n[1]));
    for (const g of v.detail.matchAll(/\b(?:of|left) (\w+)|^(\w+)(?: in |:| from view)/g))
      groups.add(g[1] ?? g[2] ?? '');
  }
  const end = Math.max(...violations.map((v) => v.t));
  const told: string[] = [];
  let deliveries = 0;
  for (const e of trace) {
    if (e.t > end) break;
    if (e.event === 'deliver' || e.event === 'send') {
      if (!spoken.has(e.id) || deliveries++ > DELIVERIES_SHOWN_MAX) continue;
    } else if ('group' in e) {
      if (!groups.has(e.group)) continue;
    } else if (e.event === 'status' || e.event === 'gone') continue;
    told.push(tell(e));
  }
  return told.slice(-lines);
}

/** One event in one line. */
export function tell(e: TraceEvent): string {
  return `${String(e.t).padStart(8)} ${words(e)}`;
}

function words(e: TraceEvent): string {
  switch (e.event) {
    case 'cluster':
      return `cluster of ${e.daemons.join(' ')}`;
    case 'boot':
    case 'crash':
    case 'leaving':
    case 'stop':
      return `${e.daemon} ${e.event} (${e.incarnation})`;
    case 'install':
      return `${e.daemon} INSTALLS ${e.config} [${e.members.map((m) => m.replace(/\/.*/, '')).join(' ')}]`;
    case 'transitional':
      return `${e.daemon} transitional after ${e.config}: [${e.survivors.map((m) => m.replace(/\/.*/, '')).join(' ')}]`;
    case 'status':
      return `${e.daemon} status`;
    case 'connect':
      return `  session ${e.session} connects as ${e.name}${e.membership ? '' : ' without membership'}`;
    case 'disconnect':
    case 'gone':
      return `  session ${e.session} ${e.event}`;
    case 'join':
    case 'leave':
    case 'self-leave':
      return `  session ${e.session} ${e.event} ${e.group}`;
    case 'send':
      return `  session ${e.session} SENDS ${e.id} (service ${e.service}${e.discard ? ', self-discard' : ''}) to ${e.groups.join(' ')}, ${e.bytes} bytes`;
    case 'deliver':
      return `  session ${e.session} gets ${e.id} from ${e.sender} to ${e.groups.join(' ')}${e.corrupt === true ? ' CORRUPT' : ''}`;
    case 'view':
      return `  session ${e.session} view ${e.id} of ${e.group} (${e.cause}): ${e.members.join(' ')} sets ${e.sets.map((s) => s.join(' ')).join(' | ')}`;
    case 'transition':
      return `  session ${e.session} transition of ${e.group} (${e.id})`;
    case 'fault':
      return `--- ${e.what}`;
    case 'note':
      return `=== ${e.what}`;
    case 'calm':
    case 'calm-end':
      return `=== ${e.event}`;
    case 'settled':
      return `=== settled ${e.components.map((c) => c.join(' ')).join(' | ')}`;
  }
}
