// `peal line` by its scripts, against a text port in this process.
import { describe, expect, test } from '@jest/globals';
import { type AddressInfo, createServer } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { Port } from '../../client-apis/line/test/port.js';
import { line } from '../line.js';

async function script(port: Pick<Port, 'number'>, input: string, commands: readonly string[] = []) {
  const output = new PassThrough();
  const terminal = { input: Readable.from([input]), output, interactive: false };
  const code = await line({ host: '127.0.0.1', port: port.number, commands }, terminal);
  output.end();
  return { code, lines: (await output.toArray()).join('').split('\n').slice(0, -1) };
}

describe('peal line', () => {
  test('sends its input, shows what comes, and ends when all is answered', () =>
    Port.within(async (port) => {
      const { code, lines } = await script(
        port,
        'session s\njoin g\nreceive view\nsend g\n..two\n.\nreceive message\n',
      );
      expect(code).toBe(0);
      expect(lines[0]).toMatch(/^220 /);
      expect(lines).toContain('230 #s#solo');
      expect(lines).toContain('* message #s#solo agreed 0 1 g 5 .two\\n');
      expect(lines.at(-1)).toBe('250 1 events');
    }));

  test('one command from the command line; the exit code says whether all went well', () =>
    Port.within(async (port) => {
      expect((await script(port, '', ['noop'])).lines.slice(1)).toEqual(['250 ok']);
      expect((await script(port, '', ['noop'])).code).toBe(0);
      const wrong = await script(port, 'members nothing\nnoop\nquit\nnoop\n');
      expect([wrong.code, wrong.lines.slice(1)]).toEqual([
        1,
        ['550 no view of nothing: join it first', '250 ok', '221 closing'],
      ]);
    }));

  test('for a person: prompt, completion out of the help, lines above the one being typed', () =>
    Port.within(async (port) => {
      const [input, output] = [new PassThrough(), new PassThrough()];
      let shown = '';
      let wake: () => void = () => undefined;
      output.on('data', (chunk: Buffer) => {
        shown += chunk.toString();
        wake();
      });
      const until = async (text: string): Promise<void> => {
        while (!shown.includes(text)) await new Promise<void>((resolve) => (wake = resolve));
      };
      const running = line({ host: '127.0.0.1', port: port.number }, { input, output, interactive: true });
      await until('220 ');
      input.write('noop\r');
      await until('250 ok');
      // The answer to its own help, which came before, is not shown but known.
      expect(shown).not.toContain('214');
      input.write('sess\t');
      await until('session');
      input.write(' ann\r');
      await until('230 #ann#solo');
      input.write('quit\r');
      expect(await running).toBe(0);
      input.end();
    }));

  test.each([
    ['speaks something else', 'SSH-2.0-x\r\n', 'this is no text port: it does not greet with a number'],
    ['says nothing and closes', '', 'this is no text port: it closed without a greeting'],
  ])('a port that %s', async (_how, says, told) => {
    const server = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .end(says)
        .resume(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, lines } = await script({ number: port }, '', ['send room hi']);
    server.close();
    expect([code, lines[0]]).toEqual([1, told]);
  });

  test('a port where nobody listens', async () => {
    const output = new PassThrough();
    const gone = line({ host: '127.0.0.1', port: 1 }, { input: Readable.from([]), output, interactive: false });
    await expect(gone).rejects.toMatchObject({
      code: 'PEAL_CLI_UNREACHABLE',
      message: expect.stringContaining('127.0.0.1:1'),
    });
  });
});
