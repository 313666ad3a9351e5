// Events as lines a person reads, and as plain objects for scripts. Shared by `peal user` and `peal watch`.
import { type SessionEvent, viewText } from '../client-apis/binary/client/index.js';

/** `#ann#alpha` as `ann@alpha`. */
export function who(privateGroup: string): string {
  const [, name, daemon] = privateGroup.split('#');
  return name === undefined || daemon === undefined ? privateGroup : `${name}@${daemon}`;
}

/** Text as it is; anything that would disturb a terminal as \xNN; much shortened. */
export function printable(data: Uint8Array, most = 1000): string {
  const text = new TextDecoder('utf-8').decode(data.subarray(0, most));
  const shown = text.replace(/[\p{Cc}\ufffd]/gu, (c) =>
    c === '\ufffd' ? '.' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return data.length > most ? `${shown}... (${data.length} bytes)` : shown;
}

/** One line for a person. */
export function line(e: SessionEvent): string {
  switch (e.kind) {
    case 'message':
    case 'rejected': {
      const type = e.type === 0 ? '' : `, type ${e.type}`;
      const refused = e.kind === 'rejected' ? 'REFUSED by the daemon: ' : '';
      return `[${e.groups.join(' ')}] ${refused}${who(e.sender)} (${e.level}${type}): ${printable(e.data)}`;
    }
    case 'view': {
      const members = `${e.members.length} ${e.members.length === 1 ? 'member' : 'members'}: ${e.members.map(who).join(' ')}`;
      if (e.cause !== 'network') return `[${e.group}] ${verb(e.cause)} ${who(e.changed ?? '')}; ${members}`;
      const others = e.sets.filter((_, i) => i !== e.localSet);
      const sides = others.map((s) => s.map(who).join(' ')).join(' | ');
      return `[${e.group}] the network changed; ${members}${sides === '' ? '' : `; came from elsewhere: ${sides}`}`;
    }
    case 'transitional':
      return `[${e.group}] somebody is lost: until the next view messages are sure for our side only`;
    case 'left':
      return `[${e.group}] left`;
    case 'lost': {
      const doubt = e.inDoubt.length + e.inDoubtUntold;
      return `connection lost (${e.why})${doubt > 0 ? `; ${doubt} own messages may not have been delivered` : ''}`;
    }
    case 'reconnected':
      return `connected again as ${who(e.privateGroup)}${e.groups.length > 0 ? `, joining ${e.groups.join(' ')}` : ''}`;
  }
}

function verb(cause: 'join' | 'leave' | 'disconnect'): string {
  return { join: 'joined:', leave: 'left:', disconnect: 'disconnected:' }[cause];
}

/** For JSON: data as text where it is UTF-8, else as base64. */
export function plain(e: SessionEvent): Readonly<Record<string, unknown>> {
  if (e.kind === 'view') return { ...e, id: viewText(e.id) };
  if (e.kind === 'transitional') return { ...e, id: viewText(e.id) };
  if (e.kind !== 'message' && e.kind !== 'rejected') return { ...e };
  const { data, ...rest } = e;
  try {
    return { ...rest, text: new TextDecoder('utf-8', { fatal: true }).decode(data) };
  } catch {
    return { ...rest, base64: Buffer.from(data).toString('base64') };
  }
}
