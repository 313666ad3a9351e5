// What the suite of client APIs cannot know of the memory one: how to connect.
import type { ComplianceParts, TestClient } from 'peal/compliance';
import { MemoryApi } from '../api.js';
import type { MemorySession } from '../api.js';

function testClient(session: MemorySession): TestClient {
  let reading = true;
  return {
    privateGroup: session.privateGroup,
    join: (group) => session.join(group),
    leave: (group) => session.leave(group),
    multicast: (groups, data) => session.multicast({ groups, data }),
    next: () => (reading ? session.next() : Promise.reject(new Error('not reading'))),
    stopReading: () => {
      reading = false;
    },
    close: () => session.close(),
  };
}

const parts: ComplianceParts<'client'> = ({ options }) => ({
  options: { max_events: '300', ...options },
  connect: (api, name) =>
    Promise.resolve().then(() => {
      if (!(api instanceof MemoryApi)) throw new Error('another API');
      return testClient(api.connect({ name }));
    }),
  slowReader: { messages: 400, dataBytes: 10 },
});
export default parts;
