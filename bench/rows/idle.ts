// What a daemon costs that has nothing to do.
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, residentMegabytes } from '../cluster.js';
import type { Row } from '../row.js';

const SECONDS = 20;
/**
 * Before that: what the compiler and the collector of a process do after its start is no cost of idling. The last of it is V8's memory
 * reducer, which collects twice, 40 ms of all threads, some 16 to 28 seconds after the start, and then not again.
 */
const SETTLE_SECONDS = 32;

export const idle: readonly Row[] = [
  {
    name: 'idle',
    measures: 'one of three daemons without clients, some seconds after its start',
    options: { seconds: SECONDS, after: SETTLE_SECONDS },
    figures: [
      { name: 'cpu', unit: '% of a core', better: 'less' },
      { name: 'memory', unit: 'MB resident', better: 'less' },
    ],
    variants: ['tcp', 'ring', 'spread'],
    fresh: true,
    run: async (c) => {
      await sleep(SETTLE_SECONDS * 1000);
      const before = cpuSeconds(c);
      await sleep(SECONDS * 1000);
      const used = (cpuSeconds(c) - before) / c.processes.length;
      return { cpu: (100 * used) / SECONDS, memory: residentMegabytes(c) };
    },
  },
];
