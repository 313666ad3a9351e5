// `peal start`: a daemon in the foreground. One line on standard output when it is ready; SIGTERM or SIGINT leaves the
// configuration cleanly; a second signal ends the process at once.
import { hostPlan, planFrom, type PlannedDaemon } from '../index.js';
import { fewFiles } from './open-files.js';
import type { Plan } from '../kernel/plan.js';
import { collectSparingly } from '../runtime/memory.js';
import { errorLines, EXIT_FAILURE, EXIT_OK } from './exit.js';
import type { Terminal } from './terminal.js';

export interface StartRequest {
  readonly config?: string | undefined;
  readonly name?: string | undefined;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** One wish to end may arrive twice: npm, timeout(1) and terminals tell the process and its group. Milliseconds. */
const SAME_WISH_MS = 250;
/** What a plugin left open after its stop keeps the process no longer than that, in milliseconds. */
const LINGER_MS = 1000;

/** Runs until a signal or a fatal error; answers the exit code. Rejects when the daemon could not be planned or created. */
export async function start(request: StartRequest, terminal: Terminal): Promise<number> {
  return runPlan(await planFrom({ file: request.config, name: request.name }), terminal);
}

/** As `start`, for a plan that was made in another way. */
export async function runPlan(plan: Plan, terminal: Terminal): Promise<number> {
  collectSparingly();
  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (end = resolve));
  let stopping = false;
  let signalledAt: number | undefined;
  const daemon = hostPlan(
    plan,
    (error) => {
      terminal.complain(error.toString());
      end(EXIT_FAILURE);
    },
    () => {
      stopping = true;
      end(EXIT_OK);
    },
  );
  const onSignal = (): void => {
    const now = performance.now();
    if (signalledAt !== undefined && now - signalledAt >= SAME_WISH_MS) process.exit(EXIT_FAILURE);
    signalledAt ??= now;
    stopping = true;
    end(EXIT_OK);
  };
  const onUncaught = (error: unknown): void => {
    for (const line of errorLines(error)) terminal.complain(line);
    end(EXIT_FAILURE);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('uncaughtException', onUncaught);
  // Whoever read our output may go away; that is no reason to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    // A signal may come while the plugins start; the start then fails because it was stopped, which is no failure.
    const started = daemon.start().then(
      () => {
        terminal.print(readyLine(daemon));
        const few = fewFiles(plan.tree.settings.maxSessions);
        if (few !== undefined) terminal.complain(few.toString());
      },
      (error: unknown) => {
        if (stopping) return;
        onUncaught(error);
      },
    );
    const code = await ended;
    await daemon.stop();
    await started;
    setTimeout(() => process.exit(code), LINGER_MS).unref();
    return code;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('uncaughtException', onUncaught);
  }
}

/** The one line that says it works: name, clients, link. */
function readyLine(daemon: PlannedDaemon): string {
  const { name, address } = daemon.info;
  const clients = daemon.addresses().join(' ');
  const link = daemon.info.list.length > 1 ? `, link ${address.host}:${address.port}` : '';
  return `peal ${name} is ready: ${clients === '' ? 'no clients' : `clients ${clients}`}${link}`;
}
