// Runs of a simulator shared out to several processes: each gets its part of the seeds and prints its figures as one JSON
// object on its last line; what it prints before goes on to our own output.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Starts `jobs` copies of this program; `take` gets the figures of each and answers whether the others shall end. */
export async function shareOut(
  jobs: number,
  argumentsOf: (job: number) => readonly string[],
  take: (figures: string) => boolean,
): Promise<void> {
  const program = process.argv[1];
  if (program === undefined) throw new Error('this program does not know its own file');
  const state = { ended: false };
  const children = Array.from({ length: jobs }, (_, i) =>
    spawn(process.execPath, [...process.execArgv, program, ...argumentsOf(i)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const all = children.map(async (child) => {
    let last = '';
    for await (const line of createInterface({ input: child.stdout })) {
      if (last !== '') console.log(last);
      last = line;
    }
    if (!last.startsWith('{')) throw new Error(`a part of the run ended without figures: ${last}`);
    if (!take(last)) return;
    state.ended = true;
    for (const c of children) if (c !== child) c.kill();
  });
  const failed = (await Promise.allSettled(all)).filter((r) => r.status === 'rejected');
  if (failed.length > 0 && !state.ended) throw failed[0]!.reason;
}
