// Topologies for the driver: a request of the machine to the generator that the group asks for, off the main thread. The
// command of a group has its say first; where it fails, the generator built in stands in for this once.
import { type Logger, type Process, reasonOf } from 'peal/plugin';
import { Worker } from 'node:worker_threads';
import type { TopologyAnswer, TopologyRequest } from '../machine/types.js';
import { type CommandAnswer, readAnswer, requestText } from './command.js';
import type { GeneratorInput } from './generator.js';
import type { Edge } from './graph.js';

/** How long a command may take, milliseconds. */
export const COMMAND_LIMIT_MS = 30_000;
/** Most that a command may answer: some 64 bytes of names twice for each edge of a large group. */
const ANSWER_BYTES = 4 * 1_048_576;
const WORKER = new URL('./worker.js', import.meta.url);

export interface TopologyPorts {
  readonly process: Process;
  readonly log: Logger;
  /** Instead of `COMMAND_LIMIT_MS`, for tests. */
  readonly commandLimitMs?: number;
}

/** Computes topologies, any number at a time. */
export class Topologies {
  private readonly workers = new Set<Worker>();
  private readonly abort = new AbortController();

  constructor(private readonly ports: TopologyPorts) {}

  /** Never rejects. After `close` the answer is a failure. */
  async generate(request: TopologyRequest): Promise<TopologyAnswer> {
    const asked = request.command === undefined ? undefined : await this.ask(request, request.command);
    if (asked !== undefined) return { edges: named(request, asked), generator: 'command', commandFailed: false };
    try {
      const edges = await this.compute(inputOf(request));
      return { edges: named(request, edges), generator: 'builtin', commandFailed: request.command !== undefined };
    } catch (error) {
      return { failed: reasonOf(error) };
    }
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.abort.abort();
    await Promise.all([...this.workers].map((worker) => worker.terminate()));
  }

  /** What the command of the group says; undefined when it is no use. */
  private async ask(request: TopologyRequest, command: string): Promise<readonly Edge[] | undefined> {
    const answer = await this.run(request, command);
    if ('fault' in answer) {
      this.ports.log.warn(`the topology generator of group ${request.group} failed: ${answer.fault}`);
      return undefined;
    }
    if (answer.warning !== undefined) this.ports.log.warn(`group ${request.group}: ${answer.warning}`);
    return answer.edges;
  }

  private async run(request: TopologyRequest, command: string): Promise<CommandAnswer> {
    try {
      const { status, signal, timedOut, output } = await this.ports.process.run({
        file: '/bin/sh',
        args: ['-c', command],
        input: [Buffer.from(requestText(request))],
        timeoutMs: this.ports.commandLimitMs ?? COMMAND_LIMIT_MS,
        signal: this.abort.signal,
        outputBytes: ANSWER_BYTES,
      });
      if (timedOut) return { fault: 'it took too long or said too much' };
      if (status !== 0) return { fault: `it ended with ${status ?? signal ?? 'nothing'}` };
      return readAnswer(Buffer.from(output ?? []).toString(), request);
    } catch (error) {
      return { fault: `it could not be started: ${reasonOf(error)}` };
    }
  }

  private compute(input: GeneratorInput): Promise<readonly Edge[]> {
    if (this.abort.signal.aborted) return Promise.reject(new Error('the daemon stops'));
    const worker = new Worker(WORKER, { workerData: input });
    this.workers.add(worker);
    return new Promise<readonly Edge[]>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => {
        this.workers.delete(worker);
        reject(new Error('the generator ended without an answer'));
      });
    });
  }
}

function named({ sites }: TopologyRequest, edges: readonly Edge[]): (readonly [string, string])[] {
  return edges.map(([a, b]) => [sites[a]!, sites[b]!]);
}

/** The costs of all pairs as a square. */
export function inputOf({ group, sites, connectivity, links }: TopologyRequest): GeneratorInput {
  const n = sites.length;
  const places = new Map(sites.map((site, place) => [site, place]));
  const cost = new Float64Array(n * n);
  for (const link of links) {
    const a = places.get(link.a)!;
    const b = places.get(link.b)!;
    cost[a * n + b] = link.cost;
    cost[b * n + a] = link.cost;
  }
  return { group, sites, connectivity, cost };
}
