// Preloaded into the daemon that `npm run profile` looks at: the first SIGUSR2 begins a CPU profile and a sampling
// profile of the heap that counts what was collected again, the second ends both and writes them to the working folder.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two samples of the CPU, microseconds; of the heap, bytes. */
const CPU_INTERVAL_US = 200;
const HEAP_INTERVAL_BYTES = 16_384;
/** After the profiles are written: until whoever waits for the file `done` may read it. */
const SETTLE_MS = 10;

const session = new Session();
session.connect();
let running = false;

async function begin(): Promise<void> {
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL_US });
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: HEAP_INTERVAL_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as { samplingInterval: number });
  await session.post('Profiler.start');
  writeFileSync('profiling', '');
}

async function end(): Promise<void> {
  const cpu = await session.post('Profiler.stop');
  const heap = await session.post('HeapProfiler.stopSampling');
  writeFileSync('cpu.json', JSON.stringify(cpu.profile));
  writeFileSync('heap.json', JSON.stringify(heap.profile));
  await sleep(SETTLE_MS);
  writeFileSync('profiled', '');
}

process.on('SIGUSR2', () => {
  void (running ? end() : begin());
  running = !running;
});
