// The memory API against the suite of its kind.
import { describe, expect, test } from '@jest/globals';
import { clientCompliance } from '../../../test/compliance/client.js';
import type { TestClient } from '../../../test/compliance/client.js';
import { MemoryApi } from '../api.js';
import type { MemorySession } from '../api.js';
import memory from '../index.js';

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

clientCompliance(
  { describe, test, expect },
  {
    name: 'memory',
    plugin: memory,
    options: { max_events: '300' },
    connect: (api, name) =>
      Promise.resolve().then(() => {
        if (!(api instanceof MemoryApi)) throw new Error('another API');
        return testClient(api.connect({ name }));
      }),
    slowReader: { messages: 400, dataBytes: 10 },
  },
);
