// export.file: appends records to a file, in a form in which each can be found and checked, or as they are. Wiring only:
// the file is in output.ts, the form of a record in record.ts.
import { Clock, definePlugin, type Exporter, Logger, Timers } from 'peal/plugin';
import { FILE_ERRORS } from './errors.js';
import { FileExporter } from './exporter.js';
import { Output } from './output.js';

const MIB = 1_048_576;

export default definePlugin({
  kind: 'export',
  name: 'file',
  api: '^1',
  doc: 'Appends records to a file.',
  errors: FILE_ERRORS,
  options: {
    path: { type: 'path', required: true, doc: 'The file; its folder is there already.' },
    format: {
      type: 'enum',
      values: ['records', 'raw'],
      default: 'records',
      doc: 'records: a line before each tells its id, labels, length and checksum; raw: the bytes alone.',
    },
    fsync: {
      type: 'enum',
      values: ['always', 'interval', 'none'],
      default: 'interval',
      doc: 'always: a batch is done when it is on disk; interval: flushed by the clock; none: when the system likes.',
    },
    fsync_interval_ms: {
      type: 'duration',
      default: 1000,
      min: 10,
      max: 3_600_000,
      doc: 'With fsync = interval: what a crash of the machine may lose.',
    },
    rotate_bytes: { type: 'bytes', default: 64 * MIB, doc: 'Put aside before it would become larger; 0: never.' },
    rotate_after_ms: { type: 'duration', default: 0, doc: 'Put aside when it is that old; 0: never.' },
    keep_files: {
      type: 'int',
      default: 0,
      min: 0,
      max: 10_000,
      unit: 'files',
      doc: 'Kept of those put aside; 0: all.',
    },
    batch_bytes: { type: 'bytes', default: MIB, min: 1, max: 64 * MIB, doc: 'Most bytes of records written at once.' },
    retries: {
      type: 'int',
      default: 3,
      min: 0,
      max: 1000,
      doc: 'More attempts when the file cannot be written, 1, 5, 30, 30 ... s apart; then the batch is given up.',
    },
  },
  create(scope): Exporter {
    const { options } = scope;
    const clock = scope.get(Clock);
    const log = scope.get(Logger);
    const output = new Output({
      ...options,
      recorded: options.format === 'records',
      wallMs: () => clock.wallMs(),
      onTorn: (bytes, kept) => log.warn('the file ended in a record that is not whole', { bytes, kept }),
    });
    return new FileExporter(options, output, { timers: scope.get(Timers), log });
  },
});
