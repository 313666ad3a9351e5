// The flush layer over a real daemon: members that come, go and die at random while all send. What is promised: a message
// is delivered in the view in which it was sent, and members that go together from one view to the next got the same.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Solo, startSolo } from '../../../../test/fixture-replay/solo.js';
import { Random } from '../../../../test/sim/random.js';
import { ClientError, connect, FlushSession, LEVELS, type Level, viewText } from '../index.js';

const GROUP = 'room';
const STEPS = 400;
const PEOPLE = 5;

let solo: Solo;
beforeEach(async () => {
  solo = await startSolo();
});
afterEach(() => solo.stop());

class Person {
  /** Keys of views; between them what was delivered. */
  readonly log: { view: string; members: readonly string[]; said: string[] }[] = [];
  inside = false;
  asked = false;
  leaving = false;
  sent = 0;

  private constructor(readonly flush: FlushSession) {}

  static async come(): Promise<Person> {
    return new Person(new FlushSession(await connect({ port: solo.port }), { autoFlush: true }));
  }

  get view(): (typeof this.log)[number] | undefined {
    return this.inside ? this.log.at(-1) : undefined;
  }

  /** Takes all that has come. */
  take(): void {
    for (let e = this.flush.poll(); e !== undefined; e = this.flush.poll()) {
      if (e.kind === 'left') {
        this.inside = this.asked = this.leaving = false;
        // Who comes back comes from nowhere.
        this.log.push({
          view: `out ${this.flush.privateGroup} ${this.log.length}`,
          members: [],
          said: [],
        });
      }
      if (e.kind === 'view') {
        this.inside = true;
        this.log.push({ view: viewText(e.id), members: e.members, said: [] });
      } else if (e.kind === 'message') {
        const [sentIn, id] = Buffer.from(e.data).toString().split(' ');
        expect([id, sentIn]).toEqual([id, this.view?.view]);
        this.view!.said.push(id!);
      }
    }
  }

  say(level: Level): void {
    this.take();
    const { view } = this;
    if (!view) return;
    try {
      this.flush.multicast(level, GROUP, `${view.view} ${this.flush.privateGroup}:${++this.sent}`);
    } catch (e) {
      if (!(e instanceof ClientError) || (e.code !== 'ILLEGAL_STATE' && e.code !== 'ILLEGAL_GROUP')) throw e;
    }
  }
}

const turn = (): Promise<void> => new Promise((r) => setImmediate(r));

test.each([1, 2, 3, 4])('random lives, seed %d', async (seed) => {
  const r = new Random(seed, 'flush');
  const gone: Person[] = [];
  const people = await Promise.all(Array.from({ length: PEOPLE }, () => Person.come()));
  for (let step = 0; step < STEPS; step++) {
    const p = r.pick(people);
    const what = r.below(30);
    if (what < 20) p.say(r.pick(Object.keys(LEVELS) as Level[]));
    else if (what < 24 && !p.asked) {
      p.asked = true;
      p.flush.join(GROUP);
    } else if (what === 24 && p.view && !p.leaving) {
      p.leaving = true;
      p.flush.leave(GROUP);
    } else if (what === 25 && r.chance(200)) {
      gone.push(p);
      if (r.chance(500)) p.flush.session.kill();
      else await p.flush.disconnect();
      people[people.indexOf(p)] = await Person.come();
    } else await turn();
    if (r.chance(300)) for (const q of people) q.take();
  }
  const whole = (p: Person): boolean => p.view?.members.length === PEOPLE;
  while (!people.every(whole)) {
    for (const p of people) {
      p.take();
      if (p.asked || p.view) continue;
      p.asked = true;
      p.flush.join(GROUP);
    }
    await turn();
  }
  const views = new Map<string, string>();
  for (const p of [...people, ...gone])
    for (const [i, { view, said }] of p.log.slice(0, -1).entries()) {
      const next = p.log[i + 1]!.view;
      const mine = [...said].sort().join();
      expect([view, next, mine]).toEqual([view, next, views.get(`${view} ${next}`) ?? mine]);
      views.set(`${view} ${next}`, mine);
    }
  expect(views.size).toBeGreaterThan(5);
  expect(people.flatMap((p) => p.log.flatMap((v) => v.said)).length).toBeGreaterThan(50);
  await Promise.all(people.map((p) => p.flush.disconnect()));
});
