// Limits and times of the machine that are not options (docs/design/flood.md names the section each belongs to).

/** HELLO must be complete within that time. */
export const HELLO_LIMIT_MS = 10_000;
/** The site with the larger name dials when the other has not, that long after a link was wanted. */
export const SECOND_DIALLER_MS = 10_000;
export const REDIAL_FIRST_MS = 1_000;
export const REDIAL_LAST_MS = 60_000;
/** A link that no topology asks for any more still floods that long, so that no update falls between two topologies. */
export const LINGER_LEAST_MS = 5_000;
export const LINGER_MOST_MS = 60_000;
/** A drain connection ends when its queue is empty and nothing has come over it for that long. */
export const DRAIN_QUIET_MS = 2_000;
/** A connection that is neither link nor drain ends after that long without a frame. */
export const IDLE_LIMIT_MS = 30_000;
/** After its JOIN a join connection stays that long, for MEMBERS and TOPOLOGY. */
export const JOIN_STAYS_MS = 10_000;
/** A JOIN of one site is passed on at most once in that time. */
export const JOIN_RELAY_MS = 500;
export const JOIN_HOPS = 8;
/** Between two joins that are not of the join period. */
export const JOIN_AGAIN_MS = 1_000;
export const ACK_DELAY_MS = 50;
export const ACK_BATCH = 64;
export const WINDOW_UPDATES = 64;
export const WINDOW_BYTES = 1_048_576;
/** Acknowledgements that wait on one connection; a peer that sends on without reading them loses the connection. */
export const ACKS_WAITING_MAX = 8_192;
/** An update that came further is delivered and not passed on. */
export const HOPS_MAX = 64;
export const PING_LIMIT_MS = 5_000;
/** Pings lost in a row, or dials refused, that make a site suspect, or down. */
export const LOST_IN_A_ROW = 3;
export const BANDWIDTH_LIMIT_MS = 30_000;
/** Every n-th ESTIMATES carries what this site has. */
export const SUMMARY_EVERY = 5;
/** From a change of the membership to the computation of a topology. */
export const TOPOLOGY_DELAY_MS = 2_000;
export const EXPORT_AGAIN_MS = 500;
export const CHANNEL_LIMIT_MS = 10_000;
/** After we took a larger incarnation because a peer knew one. */
export const REBIRTH_AGAIN_MS = 60_000;
/** A new incarnation lies up to that far above the one that was known. */
export const REBIRTH_SPREAD_MS = 1_000_000;

/** What one update costs beyond its bytes when storage is accounted. */
export const UPDATE_OVERHEAD_BYTES = 512;

export const CONNECTIONS_MAX = 1_024;
export const SITES_MAX = 1_024;
/** Ranges above the low-water mark of one origin. */
export const RANGES_MAX = 1_024;
/** Ranges given up, or dropped, that are remembered per origin; beyond it the two closest become one. */
export const LOST_RANGES_MAX = 256;
/** Origins and incarnations of one group whose updates are remembered. */
export const RECORDS_MAX = 4_096;
/** Ranges in one notice of an inconsistency. */
export const NOTICE_RANGES_MAX = 64;
export const NOTICE_EVERY_MS = 1_000;

/** Sweep: how often silence, lingering links and drains are looked at. */
export const SWEEP_LEAST_MS = 20;
export const SWEEP_MOST_MS = 5_000;
