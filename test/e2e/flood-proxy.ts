// One direction of dialling between two sites: a port that stands for the data port of the other. It can be cut in two ways:
// refused, as by a host that is there, or silent, as by a network that has lost its way and tells nobody.
import { connect, createServer, type Server, type Socket } from 'node:net';

export type Cut = 'none' | 'refused' | 'silent';

export class Proxy {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private readonly held = new Set<Socket>();
  private server: Server | undefined;
  private cut: Cut = 'none';

  private constructor(
    readonly port: number,
    private readonly target: { readonly host: string; readonly port: number },
  ) {}

  static async open(port: number, host: string, targetPort: number): Promise<Proxy> {
    const proxy = new Proxy(port, { host, port: targetPort });
    await proxy.listen();
    return proxy;
  }

  async set(cut: Cut): Promise<void> {
    if (cut === this.cut) return;
    this.cut = cut;
    if (cut === 'silent') {
      for (const [a, b] of this.pairs) for (const s of [a, b]) s.pause();
      return;
    }
    for (const [a, b] of [...this.pairs]) for (const s of [a, b]) s.destroy();
    for (const s of [...this.held]) s.destroy();
    if (cut === 'refused') await this.unlisten();
    else if (this.server === undefined) await this.listen();
  }

  async close(): Promise<void> {
    await this.set('refused');
    await this.unlisten();
  }

  private async listen(): Promise<void> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.server = server;
  }

  private async unlisten(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  private accept(near: Socket): void {
    near.on('error', () => undefined);
    if (this.cut !== 'none') {
      this.held.add(near);
      near.on('close', () => this.held.delete(near));
      return;
    }
    const far = connect({ ...this.target, noDelay: true, allowHalfOpen: true });
    const pair = [near, far] as const;
    this.pairs.add(pair);
    const forward = (from: Socket, to: Socket): void => {
      from.on('data', (bytes: Buffer) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => {
        if (this.cut === 'none') from.resume();
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.pairs.delete(pair);
        to.destroySoon();
      });
    };
    forward(near, far);
    forward(far, near);
  }
}
