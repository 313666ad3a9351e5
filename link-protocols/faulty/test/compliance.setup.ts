// What the medium suite cannot know of faulty: what it wraps. Here the memory medium, a hub for each bench,
// whatever `wraps` says.
import { bind, type ComplianceParts } from 'peal/compliance';
import { DaemonInfo, type Medium, Wrapped } from 'peal/plugin';
import { MemoryMedium } from '../../memory/medium.js';

const SMALL_BYTES = 128 * 1024;
const LARGE_BYTES = 2 * 1024 * 1024;
let hubs = 0;

const parts: ComplianceParts<'medium'> = ({ build }) => ({
  // What is delayed may not be out when a daemon closes.
  losesLastWords: true,
  addresses: (count) => {
    hubs++;
    const list = Array.from({ length: count }, (_, place) => ({
      name: `d${place}`,
      host: '127.0.0.1',
      port: 1,
      place,
    }));
    return Promise.resolve(list);
  },
  create: (list, { smallQueues }) => {
    const queueBytes = smallQueues ? SMALL_BYTES : LARGE_BYTES;
    const inner = new MemoryMedium({ hub: `parts ${hubs}`, maxMessageBytes: 64 * 1024, queueBytes });
    const own = { name: 'd0', address: list[0] ?? { name: 'd0', host: '127.0.0.1', port: 1, place: 0 }, list };
    const info = { ...own, listHash: 1, stateDir: '/' };
    return build<Medium>({ wraps: 'memory' }, [bind(Wrapped, inner), bind(DaemonInfo, info)]).instance;
  },
});
export default parts;
