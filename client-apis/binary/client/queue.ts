// Events between the connection and whoever receives them: in order, bounded, taken one at a time by promises. When much
// waits, reading stops, so that memory does not grow and the daemon's policy for slow readers decides.
import { abortReason, ClientError } from './errors.js';

interface Waiter<E> {
  resolve(e: E): void;
  reject(why: Error): void;
}

export class EventQueue<E> {
  private items: { readonly event: E; readonly cost: number }[] = [];
  private head = 0;
  private readonly waiters: Waiter<E>[] = [];
  private ended: Error | undefined;
  /** Sum of the costs of what waits. */
  cost = 0;

  /** `relieved`: called when something was taken. */
  constructor(private readonly relieved: () => void) {}

  get length(): number {
    return this.items.length - this.head;
  }

  push(event: E, cost: number): void {
    const waiter = this.waiters.shift();
    if (waiter) {
      waiter.resolve(event);
      return;
    }
    this.items.push({ event, cost });
    this.cost += cost;
  }

  /** Nothing more comes; what waits can still be taken, then every call rejects with this error. */
  end(why: Error): void {
    this.ended ??= why;
    for (const w of this.waiters.splice(0)) w.reject(this.ended);
  }

  peek(): E | undefined {
    return this.items[this.head]?.event;
  }

  /** The next one if it is there. */
  take(): E | undefined {
    const item = this.items[this.head];
    if (item === undefined) return undefined;
    this.head++;
    this.cost -= item.cost;
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    this.relieved();
    return item.event;
  }

  /** The next one; rejects at the end of the session, or with the reason of the signal. */
  next(signal?: AbortSignal): Promise<E> {
    signal?.throwIfAborted();
    const here = this.take();
    if (here !== undefined) return Promise.resolve(here);
    if (this.ended) return Promise.reject(this.ended);
    return new Promise<E>((resolve, reject) => {
      const aborted = (): void => {
        this.waiters.splice(this.waiters.indexOf(waiter), 1);
        reject(abortReason(signal));
      };
      const waiter: Waiter<E> = {
        resolve: (e) => {
          signal?.removeEventListener('abort', aborted);
          resolve(e);
        },
        reject: (why) => {
          signal?.removeEventListener('abort', aborted);
          reject(why);
        },
      };
      this.waiters.push(waiter);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }
}

/** The error of a session that ended because its user ended it. */
export function closed(detail: string): ClientError {
  return new ClientError('ILLEGAL_SESSION', detail);
}
