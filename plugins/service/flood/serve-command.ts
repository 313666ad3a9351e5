// The resync serve command: a channel is its standard input and output. In a process group of its own, so that nothing of
// it is left when the daemon stops. Its end is the end of the channel, and the other way round.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Bytes } from 'peal/plugin';
import type { Channel, ChannelSink } from './service.js';

/** After the channel has ended the command may go on that long, milliseconds. */
const AFTERWARDS_MS = 60_000;

export class ServeCommand implements ChannelSink {
  private readonly child: ChildProcess;
  private channel: Channel | undefined;
  private ended = false;
  private limit: NodeJS.Timeout | undefined;

  /** `over` hears its exit status or signal. */
  constructor(command: string, env: Readonly<Record<string, string>>, over: (status: string) => void) {
    this.child = spawn('/bin/sh', ['-c', command], {
      cwd: '/',
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const finish = (status: string): void => {
      if (this.ended) return;
      this.ended = true;
      clearTimeout(this.limit);
      this.channel?.end();
      over(status);
    };
    this.child.once('error', (error) => finish(error.message));
    this.child.once('close', (status, signal) => finish(String(status ?? signal)));
    // A command that does not read everything is no failure.
    this.child.stdin?.on('error', () => undefined);
    this.child.stdin?.on('drain', () => this.channel?.pause(false));
    this.child.stdout?.on('data', (bytes: Buffer) => {
      if (this.channel?.write(bytes) !== true) this.child.stdout?.pause();
    });
  }

  /** The channel it serves; called once. */
  attach(channel: Channel): void {
    this.channel = channel;
    if (this.ended) channel.end();
  }

  received(bytes: Bytes): void {
    if (this.child.stdin?.write(bytes) === false) this.channel?.pause(true);
  }

  drained(): void {
    this.child.stdout?.resume();
  }

  closed(): void {
    this.child.stdin?.end();
    this.limit = setTimeout(() => this.kill(), AFTERWARDS_MS).unref();
  }

  /** Ends the command with its children. */
  kill(): void {
    if (this.ended || this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      // The whole group is gone already: what was wanted.
    }
  }
}
