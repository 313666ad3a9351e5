// export.command: hands records to a shell command, many in one run, on its standard input (docs of the original: a
// command that should be fast, several updates may come in one run). Wiring only; the runs are in exporter.ts.
import { definePlugin, type Exporter, Logger, Process, Timers } from 'peal/plugin';
import { CommandExporter } from './exporter.js';

const MIB = 1_048_576;

export default definePlugin({
  kind: 'export',
  name: 'command',
  api: '^1',
  doc: 'Runs a command with the records on its standard input.',
  options: {
    command: {
      type: 'string',
      required: true,
      doc: 'What /bin/sh -c runs, in the root directory; its output goes nowhere.',
    },
    batch_bytes: { type: 'bytes', default: MIB, min: 1, max: 64 * MIB, doc: 'Most bytes of records in one run.' },
    timeout_ms: {
      type: 'duration',
      default: 300_000,
      max: 86_400_000,
      doc: 'A run that takes longer is ended with its children: SIGTERM, 5 s later SIGKILL; 0: never.',
    },
    retries: {
      type: 'int',
      default: 3,
      min: 0,
      max: 1000,
      doc: 'More attempts after a failed run, 1, 5, 30, 30 ... s apart; with 0 no record is handed out twice.',
    },
    stop_wait_ms: {
      type: 'duration',
      default: 10_000,
      max: 600_000,
      doc: 'When the daemon stops, the run under way may take that long before it is ended.',
    },
    env_prefix: {
      type: 'string',
      default: 'FLOODD_',
      maxLength: 32,
      doc: 'What the names of its environment variables begin with: COUNT, BYTES, INDEX, and a name for each label.',
    },
  },
  create(scope): Exporter {
    return new CommandExporter(scope.options, {
      process: scope.get(Process),
      timers: scope.get(Timers),
      log: scope.get(Logger),
    });
  },
});
