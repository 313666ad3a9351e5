// What the suite of client APIs cannot know of the text port: how to connect, and what garbage meets.
import { createConnection } from 'node:net';
import type { ComplianceParts, TestClient } from 'peal/compliance';
import { ServiceBits, type ClientApi, type FrameEvent, type GroupId } from 'peal/plugin';
import { connect, type LineClient, type LineEvent } from 'peal/line';

/** Port of an API that listens on one address. */
export function portOf(api: Pick<ClientApi, 'addresses'>): number {
  return Number(api.addresses()[0]!.split(':').at(-1));
}

function groupId(text: string): GroupId {
  const [number = 0, time = 0, index = 0] = text.split('.').map(Number);
  return { number, time, index };
}

function frameEvent(event: LineEvent): FrameEvent {
  switch (event.kind) {
    case 'message':
      return { ...event, service: ServiceBits.AGREED, bigEndian: false };
    case 'view': {
      const sets = event.who === undefined ? [event.together, ...event.apart] : [[event.who]];
      const { kind, cause, group, members } = event;
      return { kind, cause, group, members, id: groupId(event.id), sets, localSet: 0 };
    }
    case 'transitional':
      return { ...event, id: groupId(event.id) };
    case 'left':
      return event;
  }
}

function testClient(client: LineClient, privateGroup: string): TestClient {
  let reading = true;
  return {
    privateGroup,
    join: (group) => client.join(group),
    leave: (group) => client.leave(group),
    multicast: (groups, data) => client.send(groups, data),
    next: async () => {
      if (!reading) throw new Error('not reading');
      const event = await client.next();
      return event === undefined ? undefined : frameEvent(event);
    },
    stopReading: () => {
      reading = false;
      client.stopReading();
    },
    close: () => client.close(),
  };
}

const parts: ComplianceParts<'client'> = ({ options }) => ({
  options: { port: '0', greeting_wait_ms: '0', max_session_messages: '20', ...options },
  connect: async (api, name) => {
    const client = await connect('127.0.0.1', portOf(api));
    try {
      return testClient(client, await client.session(name));
    } catch (error) {
      await client.close();
      throw error;
    }
  },
  garbage: (api, bytes) =>
    new Promise((resolve) => {
      const socket = createConnection(portOf(api), '127.0.0.1', () => socket.end(bytes));
      socket.resume();
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    }),
  slowReader: { messages: 500, dataBytes: 100_000 },
});
export default parts;
