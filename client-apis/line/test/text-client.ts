// A person at a text port: raw lines in, raw lines out. For tests; the client library has tests of its own.
import { createConnection, type Socket } from 'node:net';

export class TextClient {
  private text = '';
  private over = false;
  private wake: () => void = () => undefined;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.text += chunk;
      this.wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.over = true;
      this.wake();
    });
    socket.on('end', () => {
      this.over = true;
      this.wake();
    });
  }

  static async connect(port: number, greeted = true): Promise<TextClient> {
    const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
    const client = new TextClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    if (greeted) await client.reply();
    return client;
  }

  send(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
  }

  /** Resolves when the test holds for what came so far, or the connection is over. */
  private async until(test: () => boolean): Promise<void> {
    while (!test() && !this.over) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** The next line without its end; undefined: there is none any more. */
  async line(): Promise<string | undefined> {
    await this.until(() => this.text.includes('\n'));
    const end = this.text.indexOf('\n');
    if (end < 0) return undefined;
    const line = this.text.slice(0, end);
    this.text = this.text.slice(end + 1);
    if (!line.endsWith('\r')) throw new Error(`a line without CR: ${line}`);
    return line.slice(0, -1);
  }

  /** The lines of the next reply; asynchronous lines are passed over. */
  async reply(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) return lines;
      if (line.startsWith('* ')) continue;
      lines.push(line);
      if (/^\d{3} /.test(line)) return lines;
    }
  }

  /** Sends a line and answers the last line of its reply. */
  async ask(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return (await this.reply()).at(-1) ?? '';
  }

  /** So many bytes, whatever they are. */
  async bytes(count: number): Promise<Buffer> {
    await this.until(() => this.text.length >= count);
    const bytes = Buffer.from(this.text.slice(0, count), 'latin1');
    this.text = this.text.slice(count);
    return bytes;
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<string> {
    await this.until(() => false);
    const { text } = this;
    this.text = '';
    return text;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
