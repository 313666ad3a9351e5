// A text port on a daemon that is only its sessions, for tests; with a service beside it, if they bring one.
import { Companion, EventLoop, Sessions, type Service } from '../../../core/plugin/index.js';
import { NodeLoop } from '../../../core/runtime/loop.js';
import { bind, buildPlugin } from '../../../test/compliance/build.js';
import { FakeSessions } from '../../../test/compliance/fake-sessions.js';
import type { LineApi } from '../api.js';
import line from '../index.js';
import { portOf } from './compliance.setup.js';
import { TextClient } from './text-client.js';

export class Port {
  readonly failures: unknown[] = [];
  readonly loop = new NodeLoop((_name, error) => this.failures.push(error));
  readonly sessions = new FakeSessions(this.loop);
  readonly api: LineApi;
  readonly logged: readonly string[];
  private readonly clients: TextClient[] = [];

  private constructor(options: Readonly<Record<string, string>>, service: Service | undefined) {
    const built = buildPlugin<LineApi>({
      plugin: line,
      options: { port: '0', greeting_wait_ms: '0', ...options },
      ports: [
        bind(EventLoop, this.loop),
        bind(Sessions, this.sessions),
        ...(service === undefined ? [] : [bind(Companion, service)]),
      ],
    });
    this.api = built.instance;
    this.logged = built.logged;
  }

  get number(): number {
    return portOf(this.api);
  }

  async connect(greeted = true): Promise<TextClient> {
    const client = await TextClient.connect(this.number, greeted);
    this.clients.push(client);
    return client;
  }

  /** Runs a test within a port; what went wrong in it comes out of here. */
  static async within(
    body: (port: Port) => Promise<void>,
    options: Readonly<Record<string, string>> = {},
    service?: Service,
  ): Promise<void> {
    const port = new Port(options, service);
    port.loop.start();
    try {
      await port.api.start();
      await body(port);
    } finally {
      for (const client of port.clients) client.destroy();
      await port.api.stop();
      port.loop.stop();
    }
    if (port.failures.length > 0) throw new AggregateError(port.failures, 'the loop failed');
  }
}
