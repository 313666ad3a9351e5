// Contract of the link kind, which has two seams. A *medium* (core/plugin/medium.ts) carries bytes and is a driver; the
// core's own mesh makes packs reliable over it. A *link* (core/machine/types.ts) is a pure machine that brings its own
// reliability and, if it says so, order. To whom configures, both are a section [link.NAME].
import type { Medium } from './medium.js';
import { token, type Token } from './ports.js';

export { Gate } from '../machine/gate.js';
export { Positions } from '../machine/positions.js';
export type { Frozen, Link, LinkUp, Packing } from '../machine/types.js';

/**
 * The medium inside a wrapper. A plugin of seam 'medium' whose options table has a row `wraps` gets the medium that
 * this option names; the two count as one link. When it names a link of seam 'link', the wrapper goes between that link and
 * the medium under it.
 */
export const Wrapped: Token<Medium> = token('Wrapped');

/** Name of the option that makes a medium a wrapper. */
export const WRAPS_OPTION = 'wraps';

/**
 * Name of the option that says which medium a link of seam 'link' runs over. The kernel adds it to the table of such a
 * plugin unless the plugin brings a row of its own, with a default of its own.
 */
export const OVER_OPTION = 'over';
