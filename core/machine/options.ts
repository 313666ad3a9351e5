// Times and limits of the daemon's machine. One place, each a named constant with its unit (style.md habit 11).
import type { DaemonOptions } from './ports.js';

export const DEFAULT_OPTIONS: DaemonOptions = {
  silenceLimitMs: 500,
  packBytes: 0,
  backlogBytes: 4 * 1024 * 1024,
};

/**
 * Largest message (32 * groups + data) that is put together from pieces: the most that any daemon may let its clients send.
 * The same everywhere, whatever a daemon allows its own clients, since what one of them delivers all must.
 */
export const LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024;

/** A starting daemon waits that long for a configuration before it installs itself alone. */
export const START_WAIT_MS = 300;
/** Between two beats to the neighbours; a beat is skipped when something was sent to that neighbour anyway. */
export const BEAT_MS = 200;
/**
 * A beat is sent although something was sent that much less than a period ago: so that no gap is longer than 225 ms, and with a beat lost
 * none longer than 425, well within the limit of silence.
 */
export const BEAT_SLACK_MS = 175;
/** Who hears a beat sends its own if it is due within that time. */
export const BEAT_EARLY_MS = 100;
/** Between two rows while nothing happens, at most: the last beat before it is over goes as a row. */
export const ROW_MS = 1000;
/** Between two rows while a merge is considered. */
export const MERGE_ROW_MS = 150;
/** So many row periods in a row the joint set must be complete before a merge is proposed. */
export const MERGE_PERIODS = 3;
/** When the joint set was not the same that often in that time, those go on that were in it each time. */
export const MERGE_PATIENCE_MS = 1000;
/** A daemon unheard for that long is not heard: finds one-way cuts between daemons that are no neighbours. */
export const HEARING_LIMIT_MS = 2200;
/** Between two repetitions of an unanswered message of a round or a recovery. */
export const REPEAT_MS = 100;
/** Who has not answered a round by then is accused. */
export const ANSWER_LIMIT_MS = 500;
/** ... and already by then if it was silent beyond its limit anyway. */
export const ASK_WAIT_MS = 120;
/** Who still waits for a proposal by then raises the round. */
export const PROPOSAL_LIMIT_MS = 900;
/** Without progress of a recovery for that long: a new round. */
export const RECOVERY_LIMIT_MS = 1500;
/** A second edge break within that time makes the edge wait before it may merge again ... */
export const FLAP_WINDOW_MS = 60_000;
/** ... 2 s, 4 s and so on, up to this. */
export const FLAP_HOLD_MAX_MS = 30_000;
export const FLAP_HOLD_FIRST_MS = 2000;
/** The adaptive limit of silence never exceeds this multiple of the configured one. */
export const SILENCE_STRETCH = 4;
/** A beat timer that is late by more than that: the own loop stood still, so the clocks of all peers start anew. */
export const LATE_LOOP_MS = 200;
/** After a silence was noticed and one turn of reading done, so long once more before the accusation. */
export const RECHECK_MS = 10;
/** A clean leave waits that long for own packs to become stable. */
export const LEAVE_LIMIT_MS = 300;
/** After the others were told of a leave, so long until the medium may close. */
export const LEAVE_LINGER_MS = 20;
/** Records of configuration changes kept for status. */
export const CHANGES_KEPT = 32;
/** A repair answer carries at most that much before the asker asks again. */
export const REPAIR_WINDOW_BYTES = 512 * 1024;
export const REPAIR_WINDOW_PACKS = 256;
/**
 * Ranges of positions in one report; more is refused. Two senders that alternate small packs while one of them is not
 * heard leave a gap a turn: a few thousand until the mesh suspects, never more than the packs in flight.
 */
export const MAX_RANGES = 131_072;
/** Own bytes numbered in one turn while others wait for it. */
export const TURN_BYTES = 512 * 1024;
/** A closed-clients notice of a slow reader is repeated that often and forgotten after three of them. */
export const FLOW_REPEAT_MS = 250;
export const FLOW_EXPIRE_MS = 1000;
/** Memory for packs is carved from slabs of this size (design.md 7, rule 3). */
export const SLAB_BYTES = 1024 * 1024;
/** Largest pack where the medium would carry more: the largest Spread message still fits one. */
export const DEFAULT_PACK_BYTES = 160 * 1024;
