#!/usr/bin/env node
// The `peal` command: arguments, help, exit codes. Each subcommand is a file of core/cli.
import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { addClients } from './cli/clients.js';
import { addCompliance } from './cli/compliance.js';
import { checkConfig, explainConfig } from './cli/config.js';
import { fault, setLogLevel, showRunningPlugins, showStatus, type Which } from './cli/control.js';
import { errorLines, EXIT_OK, EXIT_USAGE, exitCodeOf } from './cli/exit.js';
import { addFloodd } from './cli/floodd.js';
import { showOptions } from './cli/options.js';
import { showPlugins } from './cli/plugins.js';
import { start } from './cli/start.js';
import { endWithReader, processTerminal as terminal } from './cli/terminal.js';
import { CLI_ERRORS, PealError } from './errors.js';

const CONFIG = [
  '-c, --config <file>',
  'configuration file; without it a single daemon on the loopback address',
] as const;
const JSON_FLAG = ['--json', 'one JSON value on standard output'] as const;
const NAME = ['-n, --name <name>', 'which daemon of the file; without it the one whose address is local'] as const;
const EXIT_HELP = `
Exit codes: 0 done; 1 it was tried and failed; 2 the command line or the configuration is wrong.`;

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(manifest) as { version: unknown }).version);
}

/** The whole command line; `exit` hears the exit code of what was done. */
function commandLine(exit: (code: number) => void): Command {
  const program = new Command('peal')
    .description('Group communication daemon: one agreed order for many machines, serving Spread clients.')
    .version(version())
    .addHelpText('after', EXIT_HELP)
    .exitOverride()
    // A daemon goes on without its reader, everything else was for the reader.
    .hook('preAction', (_program, action) => {
      if (action.name() !== 'start') endWithReader();
    });
  program
    .command('start', { isDefault: true })
    .description('run a daemon in the foreground (default); SIGTERM stops it cleanly')
    .option(...CONFIG)
    .option(...NAME)
    .allowExcessArguments()
    .action(async (which: Which, command: Command) => {
      // It is the default command, so what is none ends up here.
      const [word] = command.args;
      if (word !== undefined) throw PealError.of(CLI_ERRORS.USAGE, { detail: `'${word}' is no command of peal` });
      exit(await start(which, terminal));
    });
  const config = program.command('config').description('check or explain a configuration file');
  config
    .command('check')
    .description('report every error of a file at once, with line and remedy')
    .argument('<file>')
    .option(...NAME)
    .action((file: string, which: Which) => checkConfig(file, which.name, terminal));
  config
    .command('explain')
    .description('print effective values and where each came from')
    .option(...CONFIG)
    .option(...NAME)
    .action((which: Which) => explainConfig(which.config, which.name, terminal));
  program
    .command('plugins')
    .description('plugin tree with effective options: of a running daemon, or planned without one')
    .option(...CONFIG)
    .option(...NAME)
    .option('--planned', 'what would run, without asking a daemon')
    .option(...JSON_FLAG)
    .action((which: Which & { planned?: boolean }) =>
      which.planned === true ? showPlugins(which.config, which.name, terminal) : showRunningPlugins(which, terminal),
    );
  addControl(program);
  addClients(program, terminal, exit);
  addCompliance(program, terminal, exit);
  addFloodd(program, terminal, exit);
  program
    .command('options')
    .description('describe the options of a section, e.g. client.binary; without one list all sections')
    .argument('[section]')
    .action((section: string | undefined) => showOptions(section, terminal));
  return program;
}

/** Commands to a running daemon. */
function addControl(program: Command): void {
  program
    .command('status')
    .description('configuration, peers, sessions, counters and recent changes of a running daemon')
    .option(...CONFIG)
    .option(...NAME)
    .option(...JSON_FLAG)
    .action((which: Which) => showStatus(which, terminal));
  program
    .command('fault')
    .description(
      'show, set or clear the trouble that [link.faulty] makes, e.g. peal fault set cut_to=beta loss_percent=5',
    )
    .argument('[what]', 'show, set or clear', 'show')
    .argument('[changes...]', 'KEY=VALUE, keys as in peal options link.faulty')
    .option(...CONFIG)
    .option(...NAME)
    .option(...JSON_FLAG)
    .action((what: string, words: string[], which: Which) => fault(which, what, words, terminal));
  program
    .command('log')
    .description('change the log level of a running daemon: error, warn, info or debug')
    .argument('<level>')
    .argument('[component]', 'e.g. daemon or client.binary; all of them if absent', '')
    .option(...CONFIG)
    .option(...NAME)
    .action((level: string, component: string, which: Which) => setLogLevel(which, level, component, terminal));
}

let code = EXIT_OK;
try {
  await commandLine((given) => (code = given)).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) code = error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  else {
    for (const line of errorLines(error)) terminal.complain(line);
    code = exitCodeOf(error);
  }
}
process.exitCode = code;
