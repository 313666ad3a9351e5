// Private groups, the addresses of sessions: `#name#daemon`. Pure.
import { isDaemonName, isPrivateName } from '../../../core/wire/name.js';

export interface PrivateGroup {
  /** Of the session, 1 to 10 characters. */
  readonly name: string;
  /** Of its daemon, 1 to 19 characters. */
  readonly daemon: string;
}

/** The parts of a private group; undefined: it is none. */
export function parsePrivateGroup(text: string): PrivateGroup | undefined {
  const [before, name, daemon, ...more] = text.split('#');
  if (before !== '' || name === undefined || daemon === undefined || more.length > 0) return undefined;
  return isPrivateName(name) && isDaemonName(daemon) ? { name, daemon } : undefined;
}

/** `#name#daemon`, 31 characters at the most. */
export function isPrivateGroup(text: string): boolean {
  return parsePrivateGroup(text) !== undefined;
}
