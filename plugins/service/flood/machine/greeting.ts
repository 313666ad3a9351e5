// Who may come in (docs/design/flood.md, section 4): what is checked of a HELLO, and what the refused are told. Pure
// questions; connections.ts acts on the answers.
import { ErrorCode, type Hello } from '../wire/frames.js';
import { PROTOCOL_VERSION } from '../wire/limits.js';
import { isAllowed } from './access.js';
import type { Connection } from './connection.js';
import type { FloodSettings } from './settings.js';
import type { Site } from './sites.js';

export interface Refusal {
  readonly code: number;
  readonly text: string;
  /** Tells a site of a run later than its own, so that it can take a higher number; 0: nothing. */
  readonly incarnation: number;
  /** Two daemons claim one name. */
  readonly clash: boolean;
}

const refusal = (code: number, text: string, incarnation = 0, clash = false): Refusal => ({
  code,
  text,
  incarnation,
  clash,
});

/** Groups that the connection may carry, or why it may not come in. */
export function sharedGroups(hello: Hello, address: string, settings: FloodSettings): ReadonlySet<string> | Refusal {
  const common = settings.groups.filter((g) => hello.groups.includes(g.name));
  const allowed = common.filter((g) => isAllowed(address, g));
  if (common.length > 0 && allowed.length === 0)
    return refusal(ErrorCode.notAllowed, 'this address is not on the access list');
  if (common.length === 0 && hello.purpose !== 'join') return refusal(ErrorCode.noCommonGroup, 'no group in common');
  return new Set(allowed.map((g) => g.name));
}

/** Protocol and identity. `others` are the open connections with the site of that name. */
export function judgeIdentity(
  hello: Hello,
  c: Connection,
  self: string,
  known: Site | undefined,
  others: readonly Connection[],
): Refusal | undefined {
  if (hello.protocol !== PROTOCOL_VERSION) return refusal(ErrorCode.protocol, `protocol ${hello.protocol} is unknown`);
  if (hello.site.name === self) return refusal(ErrorCode.identity, 'that is my own name', 0, true);
  if (known === undefined) return undefined;
  if (hello.incarnation < known.incarnation)
    return refusal(ErrorCode.identity, 'a later run of that site is known', known.incarnation);
  const elsewhere = others.some((o) => isElsewhere(o, c) || movedPort(known, hello));
  return elsewhere ? refusal(ErrorCode.identity, 'another daemon has that name', 0, true) : undefined;
}

/** Both came to us, from different hosts: a site that starts anew comes from where it was. */
function isElsewhere(other: Connection, c: Connection): boolean {
  return !other.dialled && !c.dialled && other.address !== c.address;
}

/** A daemon that still lives says another port than the newcomer. */
function movedPort(known: Site, hello: Hello): boolean {
  return (
    known.heardMs !== undefined && known.announced !== undefined && known.announced.dataPort !== hello.site.dataPort
  );
}
