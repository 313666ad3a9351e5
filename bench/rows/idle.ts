// What a daemon costs that has nothing to do.
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, residentMegabytes } from '../cluster.js';
import type { Row } from '../row.js';

const SECONDS = 8;

export const idle: readonly Row[] = [
  {
    name: 'idle',
    measures: 'one of three daemons without clients, for some seconds after its start',
    options: { seconds: SECONDS },
    figures: [
      { name: 'cpu', unit: '% of a core', better: 'less' },
      { name: 'memory', unit: 'MB resident', better: 'less' },
    ],
    variants: ['tcp', 'ring', 'spread'],
    fresh: true,
    run: async (c) => {
      const before = cpuSeconds(c);
      await sleep(SECONDS * 1000);
      const used = (cpuSeconds(c) - before) / c.processes.length;
      return { cpu: (100 * used) / SECONDS, memory: residentMegabytes(c) };
    },
  },
];
