// A group whose members keep one state: a session, the state machine over it, and an application's replica. Messages are
// applied everywhere in one order; joiners get the state; the sides of a partition merge theirs when they meet again.
import { EventEmitter } from 'node:events';
import type { Body } from './encoder.js';
import { ClientError } from './errors.js';
import type { Level, View } from './events.js';
import type { Session } from './live-session.js';
import { type Replica, StateMachine } from './state-machine.js';

interface GroupListeners {
  /** The state is whole in this view. */
  complete: [View];
  /** States are being exchanged: what is said waits. */
  incomplete: [View];
  close: [ClientError | undefined];
}

export class ReplicatedGroup extends EventEmitter<GroupListeners> {
  private readonly machine: StateMachine;
  private seen: View | undefined;

  /** Takes over a session that was opened with membership and is in no group, and joins. */
  constructor(
    readonly session: Session,
    readonly group: string,
    replica: Replica,
  ) {
    super();
    this.machine = new StateMachine(group, () => session.privateGroup, replica, {
      send: (type, body) => {
        if (session.connected) session.multicast('agreed', group, body, { type });
      },
      complete: (v) => this.changed('complete', v),
      incomplete: (v) => this.changed('incomplete', v),
    });
    void this.pump();
    void session.join(group);
  }

  /** Is the state whole? */
  get complete(): boolean {
    return this.machine.complete;
  }

  /** The present view; undefined before the first. */
  get view(): View | undefined {
    return this.seen;
  }

  /** Resolves when the state is whole; at once if it is. Rejects when the session ends before. */
  async whole(signal?: AbortSignal): Promise<void> {
    while (!this.complete) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const done = (): void => {
          this.off('complete', done);
          this.off('close', ended);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const ended = (why: ClientError | undefined): void => {
          done();
          reject(why ?? new ClientError('ILLEGAL_SESSION', 'the session was ended'));
        };
        this.on('complete', done);
        this.on('close', ended);
        signal?.addEventListener('abort', done, { once: true });
      });
    }
  }

  /** Says something to all members, ourselves included: it is applied where it is ordered. */
  multicast(data: Body, level: Level = 'agreed', type = 0): void {
    this.session.multicast(level, this.group, data, { type });
  }

  disconnect(): Promise<void> {
    return this.session.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  private changed(what: 'complete' | 'incomplete', v: View): void {
    this.seen = v;
    this.emit(what, v);
  }

  private async pump(): Promise<void> {
    try {
      for await (const e of this.session) this.machine.received(e);
      this.emit('close', undefined);
    } catch (e) {
      this.emit('close', e instanceof ClientError ? e : new ClientError('CONNECTION_CLOSED', String(e), { cause: e }));
    }
  }
}
