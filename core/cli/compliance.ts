// `peal compliance`: the compliance suite of one plugin. It is loaded when it is asked for: a daemon has no use for it.
import type { Command } from 'commander';
import { CLI_ERRORS, PealError } from '../errors.js';
import { EXIT_FAILURE, EXIT_OK } from './exit.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly set: readonly string[];
  readonly parts?: string;
}

/** Adds the subcommand. */
export function addCompliance(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('compliance')
    .description('run the compliance suite of a plugin, built-in or your own; needs jest')
    .argument('<plugin>', 'path to its module or folder, KIND.NAME such as link.tcp, or a package')
    .option(
      '--set <option=value>',
      'an option of the plugin, as in a file; {folder}: an empty folder; repeatable',
      (word: string, before: readonly string[]) => [...before, word],
      [],
    )
    .option('--parts <file>', 'what only the author knows of the suite; default: compliance.setup.js beside the plugin')
    .action(async (plugin: string, { set, parts }: Flags) => {
      const options: Record<string, string> = {};
      for (const word of set) {
        const at = word.indexOf('=');
        if (at < 1) throw PealError.of(CLI_ERRORS.USAGE, { detail: `--set ${word}: it is not OPTION=VALUE` });
        options[word.slice(0, at)] = word.slice(at + 1);
      }
      const { runCompliance } = await import('../../tools/compliance.js');
      const { plugin: what, passed, failed } = await runCompliance({ plugin, options, parts });
      const good = failed === 0;
      terminal.print(`${what}: ${good ? `passed, ${passed} tests` : `FAILED, ${failed} of ${passed + failed} tests`}`);
      exit(good ? EXIT_OK : EXIT_FAILURE);
    });
}
