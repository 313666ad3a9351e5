// A test that wants the daemons of a farm to go through certain configurations, and no others, plays until they did: on a
// busy machine a daemon may stand still for seconds, and that the others go on without it then is right (design.md 5), but
// another story than the test tells. What is judged is the daemons' own record of changes, never the time.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../../core/runtime/control-client.js';
import type { StatusReport } from '../../core/runtime/status.js';
import type { Farm } from './processes.js';

/** By place of the daemon: its configurations, from the first that all are in, each as names between spaces. */
export type Course = ReadonlyMap<number, readonly string[]>;

/** How often a story is begun at most. */
const ATTEMPTS = 6;
const WATCH_MS = 50;

/** The daemons did something else than the story says, rightly. */
export class Astray extends Error {}

export async function statusOf(farm: Farm, daemon: number): Promise<StatusReport> {
  const control = await ControlClient.connect(join(farm.dir, farm.daemons[daemon]!.name));
  try {
    return (await control.call('status', {})) as StatusReport;
  } finally {
    control.close();
  }
}

/** What that daemon's configurations were, where they are not a beginning of its course. */
async function straying(farm: Farm, daemon: number, course: readonly string[]): Promise<string | undefined> {
  const all = (await statusOf(farm, daemon)).changes.map((c) => c.members.join(' '));
  const begun = all.findIndex((members) => members.split(' ').length === farm.daemons.length);
  const went = begun < 0 ? [] : all.slice(begun);
  if (went.every((members, i) => members === course[i])) return undefined;
  return `${farm.daemons[daemon]!.name} went through ${went.join(', ')}`;
}

/** Resolves when a daemon that is never stopped strays; not before `over` otherwise. */
async function watch(farm: Farm, daemon: number, course: readonly string[], over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    if ((await straying(farm, daemon, course)) !== undefined) return;
    await sleep(WATCH_MS);
  }
}

export interface Story {
  /** A farm that runs, all its daemons in one configuration. */
  readonly start: () => Promise<Farm>;
  readonly course: Course;
  /** Of the daemons of the course one that is never stopped. */
  readonly awake: number;
  /** Answers what was not as it should be; rejects at the latest when the farm ends. */
  readonly play: (farm: Farm) => Promise<readonly string[]>;
}

/** Plays it until the daemons kept to their course; answers what was wrong then. Leaves no farm behind. */
export async function playStory(story: Story): Promise<readonly string[]> {
  const strayed: string[] = [];
  while (strayed.length < ATTEMPTS) {
    const farm = await story.start();
    const { wrong, why } = await playOnce(story, farm);
    if (why === undefined) return wrong;
    strayed.push(why);
  }
  return strayed;
}

async function playOnce(
  { course, awake, play }: Story,
  farm: Farm,
): Promise<{ readonly wrong: readonly string[]; readonly why: string | undefined }> {
  const over = new AbortController();
  let why: string | undefined;
  const playing = play(farm).catch((error: unknown) => {
    if (error instanceof Astray) why = error.message;
    return [String(error)];
  });
  const watching = watch(farm, awake, course.get(awake)!, over.signal);
  const wrong = await Promise.race([playing, watching.then(() => ['astray'])]);
  over.abort();
  await watching;
  if (wrong.length > 0) {
    for (const d of farm.daemons) d.signal('SIGCONT');
    for (const [daemon, expected] of course)
      if (farm.daemons[daemon]!.running) why ??= await straying(farm, daemon, expected);
  }
  await farm.destroy();
  await playing;
  return { wrong, why };
}
