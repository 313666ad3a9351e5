// The compliance suite of services: any implementation of `Service`, ours or a stranger's, over sessions that the suite
// plays. What it checks is the contract in core/plugin/service.ts: nothing before start, nothing after stop, and no
// message that a group may send does any harm.
import { type Session, type SessionRefusal, type SessionRequest, Sessions, type SessionSink } from 'peal/plugin';
import type { Service } from '../../core/plugin/service.js';
import { buildFrame, Service as Bits } from '../../core/wire/frame.js';
import { seeded, type TestApi } from './api.js';
import { bind, type Binding } from './build.js';

export interface ServiceSetup {
  readonly name: string;
  /** A fresh service, not started, that gets its sessions from these ports. */
  create(ports: readonly Binding[]): Promise<Service>;
  /** Groups whose messages it reads; the suite sends to them and to the private group. */
  readonly groups: readonly string[];
  /** Called after each test, when the service has stopped. */
  destroy?(): Promise<void>;
}

const RANDOM_MESSAGES = 200;
const DAEMON = 'suite';

interface PlayedSession extends Session {
  readonly request: SessionRequest;
  readonly sink: SessionSink;
  readonly submitted: Uint8Array[];
  open: boolean;
}

/** Sessions as the core offers them, played: what is opened and submitted is remembered. */
export class PlayedSessions implements Sessions {
  readonly daemon = DAEMON;
  readonly maxMessageBytes = 143_952;
  readonly limit = 100;
  readonly all: PlayedSession[] = [];
  refusal: SessionRefusal | undefined;
  refusals = 0;

  get opened(): readonly PlayedSession[] {
    return this.all.filter((s) => s.open);
  }

  get count(): number {
    return this.opened.length;
  }

  nameInUse(name: string): boolean {
    return this.opened.some((s) => s.name === name);
  }

  open(request: SessionRequest, sink: SessionSink): Session | SessionRefusal {
    if (this.refusal !== undefined) {
      this.refusals++;
      return this.refusal;
    }
    const id = this.all.length + 1;
    const name = request.name === '' ? `r${id}` : request.name;
    const session: PlayedSession = {
      id,
      name,
      privateGroup: `#${name}#${DAEMON}`,
      request,
      sink,
      submitted: [],
      open: true,
      submit: (frames) => {
        if (session.open) session.submitted.push(new Uint8Array(frames));
      },
      end: () => {
        session.open = false;
      },
      congested: () => undefined,
    };
    this.all.push(session);
    return session;
  }

  /** Delivers a run of frames to every open session and ends the tick. */
  deliver(frames: Uint8Array, messages: number): void {
    for (const session of this.opened) {
      session.sink.deliver(frames, messages);
      session.sink.flush();
    }
  }
}

/** Runs the suite. */
export function serviceCompliance(api: TestApi, setup: ServiceSetup): void {
  const { describe, test, expect } = api;
  const play = async (body: (service: Service, sessions: PlayedSessions) => Promise<void>): Promise<void> => {
    const sessions = new PlayedSessions();
    const service = await setup.create([bind(Sessions, sessions)]);
    try {
      await body(service, sessions);
    } finally {
      await service.stop();
      await setup.destroy?.();
    }
  };
  describe(`service ${setup.name}`, () => {
    test('opens nothing before start', () =>
      play((_service, sessions) => {
        expect(sessions.all.length).toBe(0);
        return Promise.resolve();
      }));
    test('ends its sessions at stop, and stop is idempotent', () =>
      play(async (service, sessions) => {
        await service.start();
        await service.stop();
        await service.stop();
        expect(sessions.count).toBe(0);
      }));
    test('a stop without a start does nothing', () => play((service) => service.stop()));
    test('a refused session stops the start with an error', () =>
      play(async (service, sessions) => {
        sessions.refusal = 'not-unique';
        const outcome = await service.start().then(
          () => 'started',
          (error: unknown) => (error instanceof Error ? 'error' : 'no error object'),
        );
        expect(outcome).toBe(sessions.refusals === 0 ? 'started' : 'error');
      }));
    test('no message does harm (200 random ones, seed 1)', () =>
      play(async (service, sessions) => {
        await service.start();
        const random = seeded(1);
        for (let i = 0; i < RANDOM_MESSAGES; i++) sessions.deliver(randomMessage(random, setup.groups, sessions), 1);
        for (const value of Object.values(service.describe?.() ?? {}))
          expect(['string', 'number', 'boolean'].includes(typeof value)).toBe(true);
      }));
    test('survives that the core ends its sessions', () =>
      play(async (service, sessions) => {
        await service.start();
        for (const session of sessions.opened) {
          session.open = false;
          session.sink.ended('stopping');
        }
        await service.stop();
      }));
    test('what it submits is whole frames from its own private group', () =>
      play(async (service, sessions) => {
        await service.start();
        for (const session of sessions.all)
          for (const frames of session.submitted)
            expect(frames.length).toBeGreaterThan(buildFrame({ service: 0, sender: '', groups: [] }).length - 1);
      }));
  });
}

function randomMessage(random: () => number, groups: readonly string[], sessions: PlayedSessions): Uint8Array {
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? 'nobody';
  const targets = [...groups, ...sessions.all.map((s) => s.privateGroup), 'stranger'];
  const body = new Uint8Array(Math.floor(random() * (random() < 0.1 ? 4000 : 40)));
  for (let i = 0; i < body.length; i++) body[i] = random() * 256;
  if (random() < 0.2) body.set(new TextEncoder().encode(pick(groups)).subarray(0, body.length));
  const count = 1 + Math.floor(random() * 3);
  return buildFrame({
    service: pick(['1', '8', '16', '32']) === '32' ? Bits.SAFE : Bits.AGREED,
    sender: random() < 0.1 ? '' : '#asker#suite',
    groups: Array.from({ length: count }, () => pick(targets)),
    type: Math.floor(random() * 65_536) - 32_768,
    body,
  });
}
