// Access lists (docs/design/flood.md, section 4): only allows: those only; only denies: all others; both: an allow and no
// deny.
import { addressBytes, contains } from '../config/networks.js';
import type { Network } from './settings.js';

export interface AccessLists {
  readonly allow: readonly Network[];
  readonly deny: readonly Network[];
}

/** What cannot be read as an address is let in only where there is no list at all. */
export function isAllowed(text: string, { allow, deny }: AccessLists): boolean {
  if (allow.length === 0 && deny.length === 0) return true;
  const address = addressBytes(text);
  if (address === undefined) return false;
  const isIn = (n: Network): boolean => contains(n, address);
  return (allow.length === 0 || allow.some(isIn)) && !deny.some(isIn);
}
