// Commands that reach a running daemon over its control channel: -c and -n say which one is meant.
import { loadConfig } from '../../config/load.js';
import { CLI_ERRORS, CONTROL_ERRORS, PealError, PealErrors } from '../errors.js';
import { planFrom } from '../index.js';
import { stateDirOf } from '../kernel/state-dir.js';
import { formatTree, plannedTree, type TreeNode } from '../kernel/tree.js';
import { ControlClient } from '../runtime/control-client.js';
import { renderStatus, type StatusReport } from '../runtime/status.js';
import type { Terminal } from './terminal.js';

export interface Which {
  readonly config?: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** Calls one command of the daemon that is meant. Rejects with coded errors, of the file, of the channel or the daemon. */
async function call(which: Which, command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const { tree, errors } = loadConfig({ file: which.config, name: which.name });
  if (errors.length > 0) throw new PealErrors(errors);
  const client = await ControlClient.connect(stateDirOf(tree.settings.stateDir, tree.list[tree.self]!.name));
  try {
    return await client.call(command, args);
  } finally {
    client.close();
  }
}

/** `peal status` */
export async function showStatus(which: Which, terminal: Terminal): Promise<void> {
  const status = await call(which, 'status');
  terminal.print(which.json === true ? JSON.stringify(status) : renderStatus(status as StatusReport));
}

/** `peal plugins`: of the running daemon; if none runs, what would. */
export async function showRunningPlugins(which: Which, terminal: Terminal): Promise<void> {
  const tree = await call(which, 'plugins').catch((error: unknown) => {
    if (!(error instanceof PealError) || error.code !== CONTROL_ERRORS.NOT_RUNNING.code) throw error;
    terminal.complain('no such daemon runs: this is what would');
    return planFrom({ file: which.config, name: which.name }).then(plannedTree);
  });
  terminal.print(which.json === true ? JSON.stringify(tree) : formatTree(tree as readonly TreeNode[]));
}

/** `peal log LEVEL [COMPONENT]` */
export async function setLogLevel(which: Which, level: string, component: string, terminal: Terminal): Promise<void> {
  await call(which, 'log', { level, component });
  terminal.print(`log level of ${component === '' ? 'all components' : component}: ${level}`);
}

/** `peal fault [show|set KEY=VALUE...|clear]` */
export async function fault(which: Which, what: string, words: readonly string[], terminal: Terminal): Promise<void> {
  const usage = (detail: string): PealError => PealError.of(CLI_ERRORS.USAGE, { detail });
  if (!['show', 'set', 'clear'].includes(what)) throw usage(`peal fault cannot '${what}': it can show, set or clear`);
  if ((what === 'set') !== words.length > 0)
    throw usage(`peal fault ${what} takes ${what === 'set' ? 'KEY=VALUE, one or more' : 'no words'}`);
  const set: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1) throw usage(`'${word}' is not KEY=VALUE`);
    set[word.slice(0, at)] = word.slice(at + 1);
  }
  const args = what === 'set' ? { set } : what === 'clear' ? { clear: true } : {};
  const now = (await call(which, 'fault', args)) as Readonly<Record<string, unknown>>;
  if (which.json === true) terminal.print(JSON.stringify(now));
  else
    for (const [key, value] of Object.entries(now))
      if (key.startsWith('faults')) terminal.print(`${key}: ${String(value)}`);
}
