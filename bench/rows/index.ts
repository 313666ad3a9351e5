// All rows, in the order in which they run.
import type { Row } from '../row.js';
import { changes } from './changes.js';
import { flooders } from './flooder.js';
import { idle } from './idle.js';
import { latency } from './latency.js';
import { scales } from './scale.js';
import { sessions } from './sessions.js';
import { throughput } from './throughput.js';

export const ROWS: readonly Row[] = [
  ...throughput,
  ...flooders,
  ...latency,
  ...idle,
  ...sessions,
  ...changes,
  ...scales,
];
