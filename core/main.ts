#!/usr/bin/env node
// The `peal` command: arguments, help, exit codes. Each subcommand is a file of core/cli.
import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { checkConfig, explainConfig } from './cli/config.js';
import { errorLines, EXIT_OK, EXIT_USAGE, exitCodeOf } from './cli/exit.js';
import { showOptions } from './cli/options.js';
import { showPlugins } from './cli/plugins.js';
import { start } from './cli/start.js';
import { processTerminal as terminal } from './cli/terminal.js';

interface Which {
  readonly config?: string;
  readonly name?: string;
}

const CONFIG = [
  '-c, --config <file>',
  'configuration file; without it a single daemon on the loopback address',
] as const;
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
    .exitOverride();
  program
    .command('start', { isDefault: true })
    .description('run a daemon in the foreground (default); SIGTERM stops it cleanly')
    .option(...CONFIG)
    .option(...NAME)
    .action(async (which: Which) => exit(await start(which, terminal)));
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
    .description('print the planned plugin tree of a file with its effective options')
    .option(...CONFIG)
    .option(...NAME)
    .action((which: Which) => showPlugins(which.config, which.name, terminal));
  program
    .command('options')
    .description('describe the options of a section, e.g. client.binary; without one list all sections')
    .argument('[section]')
    .action((section: string | undefined) => showOptions(section, terminal));
  return program;
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
