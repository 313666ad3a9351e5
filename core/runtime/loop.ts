// The event loop of the daemon on Node's own: the scheduler's turn ends in the check phase, which follows every poll.
// Node runs its timers before it polls, so a timer that ran out only asks for the end of the coming turn.
//
// `performance` is imported, here and where else a tick needs something that Node has as a global: a global is got by a call.
import { performance } from 'node:perf_hooks';
import { cores } from '../plugin/shortage.js';
import { Scheduler } from './scheduler.js';

/**
 * Cores are short enough for chunks of one poll to share an end of tick when so much of the time was waited for one. With a tenth it
 * was so at 5,000 messages/s, too, and cost p50 1.06, p90 1.17; rows of throughput the same (their share is 0.35 to 0.5).
 */
const SHARED_END_SHARE = 0.25;
/** Longest wait Node's timers take, milliseconds; a longer one is asked for again. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export class NodeLoop extends Scheduler {
  private readonly cancel: () => void;

  /** `failed` is told which handler threw what; nothing is handled afterwards. */
  constructor(failed: (name: string, error: unknown) => void) {
    let immediate: NodeJS.Immediate | undefined;
    let timeout: NodeJS.Timeout | undefined;
    super({
      now: () => performance.now(),
      turnEnd: () => {
        immediate = setImmediate(() => this.turn());
      },
      wake: (ms) => {
        clearTimeout(timeout);
        timeout = setTimeout(() => this.expired(), Math.min(Math.max(1, Math.ceil(ms)), LONGEST_WAIT_MS));
      },
      failed,
      coresShort: (nowMs) => cores.at(nowMs, SHARED_END_SHARE),
    });
    this.cancel = () => {
      clearImmediate(immediate);
      clearTimeout(timeout);
    };
  }

  /** Nothing is handled any more and nothing of the loop keeps the process alive. Idempotent. */
  override stop(): void {
    super.stop();
    this.cancel();
  }
}
