// How V8 collects in a daemon. Our bytes live in slabs outside its heap (those that are not used again are garbage,
// core/plugin/lent.ts), the heap itself is some 10 MB; V8 counts both against a limit of twice the heap, and so made a full collection
// for every 16 MB of traffic.
//
// Measured (three daemons over tcp, all CPU, us per message, interleaved, load average 20): 100 KB messages 1,509 -> 657,
// 100 B messages of three senders 2.36 -> 1.54; full collections 128 -> 9 for 450 MB.
//
// A small collection has little to copy here (most is garbage, bytes lie outside the heap), so sharing it with helper threads costs
// more than it brings: these must be woken, and get a core last where cores are short. Measured with them and without, on two cores:
// time in small collections at 100 KB messages 38 -> 21 ms a second; the peer's C clients with 100 KB 6.2 -> 6.8 thousand messages a second;
// 100 B at 5,000/s p90 208 -> 179 us, safe p90 264 -> 214 us, p99 2.0 -> 1.8 ms; rows of small messages as before. The price: connects,
// which leave much alive, 6.9 -> 6.8 thousand a second, their p99 7.5 -> 10.3 ms.
//
// V8 allocates what has often survived, by the place in the code that makes it, among old objects from then on. With connections that come and
// go this feeds itself: one literal of a socket is old at once, dead or not it keeps all of the connection through the small collections, so
// that more places are found to make what survives, and they are never asked again. Without that, interleaved: connects 1.16 times as many with
// 0.80 of the CPU, their p99 8.8 -> 4.0 ms (small collections 8.3 -> 2.1 ms each); 100 B at 5,000/s p90 0.94, CPU 0.98; three senders at
// 1,700/s each p90 0.91, CPU 0.97; 10 KB 1.03; the other rows of throughput and joins 0.98 to 1.01.
//
// What glibc's malloc gets back it gives back to the system at once, a slab by itself and whatever is free at the top of its heap, and
// then pays for fresh pages, each with a fault: 34,000 a second with 100 KB messages of the peer's C clients. Once a block that was
// mapped by itself is freed, glibc keeps as much as two of that size (mallopt(3), dynamic mmap threshold; 32 MiB is the largest that
// counts). Measured, interleaved: 330 faults a second instead; one C client with 100 KB 1.09 times the rate and 0.93 of the CPU, three 1.07
// and 0.92, batching ones 1.03 and 0.97. Another libc does as it likes.
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Garbage, slabs that nobody refers to among it, that may lie about before it is collected: V8's own limit for slabs. */
const ROOM_BYTES = 64 * 1024 * 1024;
/** Just under what glibc takes as an example. */
const EXAMPLE_BYTES = 32 * 1024 * 1024 - 64 * 1024;
/** A large heap (many groups) grows as much as it would without us. */
const LEAST_PERCENT = 100;

/**
 * Gives garbage that much room from now on, whatever the size of the heap, leaves small collections to the main thread, lets all objects
 * begin young, and lets malloc keep what it gets back. Once in a process.
 */
export function collectSparingly(): void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-allocation-site-pretenuring');
  // Garbage at once; its pages were never touched.
  Buffer.allocUnsafeSlow(EXAMPLE_BYTES);
  let told = 0;
  const tell = (): void => {
    const percent = Math.max(LEAST_PERCENT, Math.round((100 * ROOM_BYTES) / getHeapStatistics().used_heap_size));
    if (percent === told) return;
    told = percent;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  };
  tell();
  // Only full collections set a new limit; to ask for the size at every small one took 2 % of the time.
  const isFull = (e: PerformanceEntry): boolean =>
    (e as PerformanceEntry & { detail: NodeGCPerformanceDetail }).detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some(isFull)) tell();
  });
  observer.observe({ entryTypes: ['gc'] });
}
