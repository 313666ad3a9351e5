// The client library `peal/line` used wrongly: it says so, and leaves nobody waiting.
import { expect, test } from '@jest/globals';
import { connect } from 'peal/line';
import { Port } from './port.js';

test('a command that asks for lines and is given none rejects, as do those behind it', () =>
  Port.within(async (port) => {
    const client = await connect('127.0.0.1', port.number);
    await client.session('ann');
    await client.join('room');
    const answers = [client.command('send room'), client.command('noop')];
    for (const answer of answers) await expect(answer).rejects.toMatchObject({ code: 354 });
    await expect(client.command('noop')).rejects.toThrow('payload');
    await client.close();
  }));

test('a command that asks for lines and is given them', () =>
  Port.within(async (port) => {
    await using client = await connect('127.0.0.1', port.number);
    await client.session('ann');
    await client.join('room');
    const lines = new TextEncoder().encode('two\r\nlines\r\n.\r\n');
    expect(await client.command('send room', lines)).toMatchObject({ code: 250, text: 'agreed 10 room' });
    expect((await client.command('noop')).code).toBe(250);
  }));
