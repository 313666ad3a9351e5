// `npm run demo`: three daemons, three people who talk, one daemon killed and brought back; what everybody sees, as a person
// wants to see it. About ten seconds; leaves nothing behind.
import { connect, type Session, type SessionEvent } from '../client-apis/binary/client/index.js';
import { Farm } from '../test/e2e/processes.js';
import { line } from './show.js';

const ROOM = 'room';
const PAUSE_MS = 700;
const LIMIT_MS = 15_000;
const COLOURS = [36, 33, 35] as const;

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

class Person {
  readonly seen: SessionEvent[] = [];
  private constructor(
    readonly name: string,
    readonly session: Session,
    private readonly colour: number,
  ) {}

  static async arrive(name: string, port: number, colour: number): Promise<Person> {
    const p = new Person(name, await connect({ port, name, reconnect: { longestMs: 300 }, nameRetries: 100 }), colour);
    for (const kind of ['message', 'view', 'transitional', 'left', 'lost', 'reconnected'] as const)
      p.session.on(kind, (e: SessionEvent) => p.saw(e));
    void p.session.join(ROOM);
    return p;
  }

  say(text: string): void {
    this.session.multicast('agreed', ROOM, text);
  }

  /** Waits until this person sees so many members. */
  async sees(members: number): Promise<void> {
    const began = performance.now();
    const last = (): number => this.seen.reduce((n, e) => (e.kind === 'view' ? e.members.length : n), 0);
    while (last() !== members) {
      if (performance.now() - began > LIMIT_MS) throw new Error(`${this.name} never saw ${members} members`);
      await sleep(10);
    }
  }

  private saw(e: SessionEvent): void {
    this.seen.push(e);
    const name = this.name.padEnd(5);
    console.log(process.stdout.isTTY ? `  \x1b[${this.colour}m${name}\x1b[0m ${line(e)}` : `  ${name} ${line(e)}`);
  }
}

function step(text: string): void {
  console.log(`\n== ${text}`);
}

const farm = await Farm.create({ daemons: 3 });
try {
  step('three daemons start, alpha, beta and gamma, and find each other');
  await farm.start();
  await sleep(2 * PAUSE_MS);
  step('ann, bob and cyd come, each to a daemon of their own; each sees the same views in the same order');
  const people: Person[] = [];
  for (const [i, name] of ['ann', 'bob', 'cyd'].entries())
    people.push(await Person.arrive(name, farm.daemons[i]!.port, COLOURS[i]!));
  const [ann, bob, cyd] = people as [Person, Person, Person];
  for (const p of people) await p.sees(3);
  await sleep(PAUSE_MS);
  step('they talk at once; everybody hears everything in one order');
  ann.say('hello from alpha');
  bob.say('hello from beta');
  cyd.say('hello from gamma');
  await sleep(PAUSE_MS);
  step(
    'gamma is killed (kill -9): ann and bob learn of it and go on; cyd connects again by herself when gamma is back',
  );
  const killed = performance.now();
  await farm.daemons[2]!.end('SIGKILL');
  await Promise.all([ann.sees(2), bob.sees(2)]);
  console.log(`     (${Math.round(performance.now() - killed)} ms after the kill)`);
  ann.say('where is cyd?');
  await sleep(PAUSE_MS);
  step('gamma starts again');
  const started = performance.now();
  await farm.daemons[2]!.start();
  await Promise.all(people.map((p) => p.sees(3)));
  console.log(`     (${Math.round(performance.now() - started)} ms after the start)`);
  cyd.say('I am back');
  await sleep(PAUSE_MS);
  const order = people.map((p) =>
    p.seen
      .filter((e) => e.kind === 'message')
      .map((e) => Buffer.from(e.data).toString())
      .join(' / '),
  );
  step(`ann and bob heard ${order[0] === order[1] ? 'the very same' : 'NOT THE SAME'}: ${order[0] ?? ''}`);
  await Promise.all(people.map((p) => p.session.disconnect()));
  process.exitCode = order[0] === order[1] ? 0 : 1;
} finally {
  await farm.destroy();
}
