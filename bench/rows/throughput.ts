// Throughput and daemon CPU per message: sizes, one and three senders, service levels. The loads of issue tables.
import type { Cluster } from '../cluster.js';
import { LOAD_FIGURES, runLoad, type ServiceName } from '../load.js';
import type { Row } from '../row.js';
import type { VariantName } from '../variants.js';

const SECONDS = 1.5;
const SIZES = [10, 100, 1000, 10_000, 100_000];
const MEGABYTE = 1_000_000;
/** What warms up the daemons of a cluster, of every system alike: the first second of a fresh one is half as fast. */
const WARM_UP_SIZES = [100, 10_000];
/** Names of these runs differ from those of all measured ones. */
const WARM_UP_SERIAL = 10_000;
const ALWAYS: readonly VariantName[] = ['tcp', 'ring', 'spread'];

/** For `prepare`: the same four loads for every system. */
export async function warmUp(c: Cluster, serial: number): Promise<void> {
  let run = WARM_UP_SERIAL * serial;
  for (const bytes of WARM_UP_SIZES)
    for (const senders of [1, 3]) await runLoad(c, { service: 'agreed', senders, bytes, seconds: SECONDS }, run++);
}

function row(service: ServiceName, senders: number, bytes: number, variants: readonly VariantName[]): Row {
  return {
    name: `throughput/${service}/${senders}x${bytes}`,
    measures: `messages of ${bytes} B from ${senders} of three clients that write in blocks, one at each of three daemons, to all three`,
    options: { service, senders, bytes, seconds: SECONDS, warmUp: '4 loads' },
    figures: LOAD_FIGURES,
    variants,
    prepare: warmUp,
    run: (c, serial) => runLoad(c, { service, senders, bytes, seconds: SECONDS }, serial),
  };
}

/** Packs limited by the datagram, a tuned peer, a system without order: where such a comparison says something. */
function variantsOf(senders: number, bytes: number): readonly VariantName[] {
  if (senders !== 3 || bytes > 1000) return [...ALWAYS, 'spread-800'];
  return ['tcp', 'ring', 'ring-1472', 'ring-8972', 'spread', 'spread-800', 'nats'];
}

export const throughput: readonly Row[] = [
  ...[1, 3].flatMap((senders) => SIZES.map((bytes) => row('agreed', senders, bytes, variantsOf(senders, bytes)))),
  ...(['safe', 'fifo'] as const).flatMap((service) =>
    [1, 3].flatMap((senders) => [100, 10_000].map((bytes) => row(service, senders, bytes, ALWAYS))),
  ),
  // The peer's limit is 143,952 bytes.
  ...[1, 3].map((senders) => ({
    ...row('agreed', senders, MEGABYTE, ['tcp', 'ring'] as const),
    options: {
      service: 'agreed',
      senders,
      bytes: MEGABYTE,
      seconds: SECONDS,
      warmUp: '4 loads',
      max_message_bytes: '2 MiB',
    },
    largest: '2 MiB',
  })),
];
