// A client API in a hundred lines (docs/write-a-client-api.md). One JSON object per line: the client's name first, then
// {"do": "join" | "leave" | "send", "groups": [..], "data": base64}; back comes a line for everything delivered.
import { createServer, type Server, type Socket } from 'node:net';
import {
  buildFrame,
  definePlugin,
  EventLoop,
  isGroupName,
  MAX_GROUPS,
  NAME_BYTES,
  readEvents,
  ServiceBits,
  Sessions,
} from 'peal/plugin';
import type { Bytes, ClientApi, Session, SessionEnd, SessionSink, Source } from 'peal/plugin';

/** A request with the largest message in base64. */
const LINE_MAX_BYTES = 256 * 1024;
/** A client that leaves that much unread is ended. */
const UNREAD_MAX_BYTES = 64 * 1024;
const CHUNKS_WAITING = 4;
const WORDS: Readonly<Record<string, number>> = {
  join: ServiceBits.JOIN,
  leave: ServiceBits.LEAVE,
  send: ServiceBits.AGREED,
};

interface Request {
  readonly service: number;
  readonly groups: readonly string[];
  readonly body: Buffer;
}

/** Hostile until checked: undefined if it is no request. */
function requestOf(line: string): Request | undefined {
  let asked: { readonly do?: unknown; readonly groups?: unknown; readonly data?: unknown } | null;
  try {
    asked = JSON.parse(line) as typeof asked;
  } catch {
    return undefined;
  }
  const service = WORDS[String(asked?.do)];
  const groups: unknown = asked?.groups;
  if (service === undefined || !Array.isArray(groups) || groups.length < 1 || groups.length > MAX_GROUPS)
    return undefined;
  const sends = service === ServiceBits.AGREED;
  const isTarget = (g: unknown): g is string =>
    typeof g === 'string' && (isGroupName(g) || (sends && g.startsWith('#') && g.length < NAME_BYTES));
  if (!groups.every(isTarget) || (!sends && groups.length !== 1)) return undefined;
  const body = Buffer.from(sends && typeof asked?.data === 'string' ? asked.data : '', 'base64');
  return { service, groups, body };
}

class LineClient implements SessionSink {
  private readonly source: Source<Buffer>;
  private session: Session | undefined;
  private input = '';
  private output = '';

  constructor(
    private readonly socket: Socket,
    private readonly api: Lines,
  ) {
    this.source = api.loop.attach<Buffer>('low', {
      name: api.section,
      limit: CHUNKS_WAITING,
      handle: (chunk) => this.read(chunk),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
    });
    socket.on('data', (chunk: Buffer) => this.source.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.source.close();
      this.session?.end('closed');
      api.clients.delete(this);
    });
  }

  deliver(frames: Bytes): void {
    for (const event of readEvents(frames) ?? []) {
      const data = event.kind === 'message' ? { data: Buffer.from(event.data).toString('base64') } : {};
      this.output += `${JSON.stringify({ ...event, ...data })}\n`;
    }
  }

  flush(): void {
    this.socket.write(this.output, 'latin1');
    this.output = '';
    if (this.socket.writableLength > UNREAD_MAX_BYTES) this.close('not-reading');
  }

  ended(): void {
    this.socket.destroy();
  }

  close(reason: SessionEnd): void {
    this.session?.end(reason);
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    const lines = (this.input + chunk.toString('latin1')).split('\n');
    this.input = lines.pop() ?? '';
    for (const line of lines) this.take(line.trimEnd());
    if (this.input.length > LINE_MAX_BYTES) this.close('invalid-frame');
  }

  private take(line: string): void {
    if (this.session === undefined) return this.open(line);
    const request = requestOf(line);
    if (request === undefined) {
      this.socket.write('{"error":"what?"}\n');
      return;
    }
    const { service, groups, body } = request;
    this.session.submit(buildFrame({ service, sender: this.session.privateGroup, groups, body }));
  }

  private open(name: string): void {
    const request = { name, membership: true, from: 'lines', listener: this.api.section };
    const opened = this.api.sessions.open(request, this);
    if (typeof opened === 'string') this.socket.end(`{"refused":"${opened}"}\n`);
    else {
      this.session = opened;
      this.socket.write(`${JSON.stringify({ welcome: opened.privateGroup })}\n`);
    }
  }
}

class Lines implements ClientApi {
  readonly clients = new Set<LineClient>();
  private server: Server | undefined;

  constructor(
    private readonly port: number,
    readonly sessions: Sessions,
    readonly loop: EventLoop,
    readonly section: string,
  ) {}

  async start(): Promise<void> {
    const server = createServer((socket) => this.clients.add(new LineClient(socket, this)));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.server = server;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close('stopping');
    const { server } = this;
    this.server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  addresses(): readonly string[] {
    const at = this.server?.address();
    return typeof at === 'object' && at !== null ? [`127.0.0.1:${at.port}`] : [];
  }
}

export default definePlugin({
  kind: 'client',
  name: 'lines',
  api: '^1',
  doc: 'Lines of text on a TCP port; the example of a client API.',
  options: { port: { type: 'port', default: 0, doc: 'Port on the loopback address; 0 lets the system choose.' } },
  create: (scope) => new Lines(scope.options.port, scope.get(Sessions), scope.get(EventLoop), scope.section),
});
