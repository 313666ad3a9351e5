// `peal watch`: prints what happens in groups, as lines for people or JSON for scripts, until it is ended.
import { connect } from '../client-apis/binary/client/index.js';
import { line, plain } from './show.js';

export interface WatchOptions {
  readonly at: string;
  readonly name?: string;
  readonly json: boolean;
  readonly reconnect: boolean;
  /** Ends after so many messages; 0: never. */
  readonly count: number;
}

/** Resolves with the exit code. `end`: aborted when the user ends it. */
export async function watch(
  groups: readonly string[],
  o: WatchOptions,
  print: (line: string) => void,
  end: AbortSignal,
): Promise<number> {
  const session = await connect({
    at: o.at,
    reconnect: o.reconnect,
    signal: end,
    ...(o.name === undefined ? {} : { name: o.name }),
  });
  try {
    for (const g of groups) void session.join(g);
    let messages = 0;
    for await (const e of session) {
      const time = new Date().toISOString();
      print(o.json ? JSON.stringify({ time, ...plain(e) }) : `${time} ${line(e)}`);
      if (e.kind === 'message' && ++messages === o.count) break;
    }
    return 0;
  } finally {
    // Also after an illegal name: an open session would keep the process.
    await session.disconnect();
  }
}
