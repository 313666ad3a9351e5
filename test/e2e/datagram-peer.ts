// One end of the udp medium as a program of its own, for tests between network namespaces: sends datagrams of the size
// that fits to all, and tells when that size or a path changes. Arguments: own place, host of every place. The line
// `block` on standard input: this machine puts no fragments together any more.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { UdpMedium } from '../../link-protocols/udp/medium.js';

const PORT = 4800;
const DATA_EVERY_MS = 10;
const MIB = 1024 * 1024;
const FRAGMENT_MEMORY = ['/proc/sys/net/ipv4/ipfrag_low_thresh', '/proc/sys/net/ipv4/ipfrag_high_thresh'];

const self = Number(process.argv[2]);
const list = process.argv.slice(3).map((host, place) => ({ name: `d${place}`, host, port: PORT, place }));
const timers = {
  set: (ms: number, fn: () => void) => setTimeout(fn, ms),
  cancel: (timer: object) => clearTimeout(timer as NodeJS.Timeout),
};
const options = {
  datagramBytes: 0,
  receiveBufferBytes: MIB,
  sendBufferBytes: MIB,
  sendQueueBytes: MIB,
  multicast: undefined,
  multicastInterface: '',
  multicastTtl: 1,
  multicastLoopback: true,
  checkSource: true,
};
const medium = new UdpMedium(options, list, timers);
const ignore = (): void => undefined;
await medium.open(
  { address: list[self]!, incarnation: 1n, listHash: 1 },
  {
    received: ignore,
    writable: ignore,
    up: ignore,
    down: (peer, why) => console.log(`down ${peer} ${why.kind}`),
    flush: ignore,
    noise: ignore,
  },
);
medium.peers(list.filter((a) => a.place !== self));
let told = '';
setInterval(() => {
  medium.send('all', 'control', Uint8Array.of(1));
  medium.send('all', 'data', new Uint8Array(medium.fitBytes));
  const { heard, datagram_bytes: bytes } = medium.describe();
  const line = `heard ${String(heard)} bytes ${String(bytes)}`;
  if (line !== told) console.log(line);
  told = line;
}, DATA_EVERY_MS);
createInterface(process.stdin)
  .on('line', (line) => {
    for (const file of FRAGMENT_MEMORY) if (line === 'block') writeFileSync(file, '1');
  })
  .on('close', () => process.exit(0));
