// export.group: multicasts records into a group of this cluster, in agreed order, so that clients of any API receive what
// a service hands out. Wiring only; the session is in exporter.ts.
import { definePlugin, type Exporter, isGroupName, Logger, PealError, Sessions, Timers } from 'peal/plugin';
import { GROUP_ERRORS } from './errors.js';
import { GroupExporter, LEVELS } from './exporter.js';

export default definePlugin({
  kind: 'export',
  name: 'group',
  api: '^1',
  doc: 'Multicasts records into a group.',
  errors: GROUP_ERRORS,
  options: {
    group: { type: 'string', required: true, maxLength: 31, doc: 'The group; each record is one message to it.' },
    session_name: { type: 'string', default: '', maxLength: 10, doc: 'Private name of its session; empty: made up.' },
    level: { type: 'enum', values: LEVELS, default: 'agreed', doc: 'Service level of the messages.' },
    type: { type: 'int', default: 0, min: -32_768, max: 32_767, doc: 'Message type.' },
    batch_bytes: { type: 'bytes', default: 65_536, min: 1, doc: 'Most bytes of records on their way at once.' },
    stop_wait_ms: {
      type: 'duration',
      default: 1000,
      max: 600_000,
      doc: 'When the daemon stops, what is on its way may take that long.',
    },
  },
  create(scope): Exporter {
    const { group } = scope.options;
    if (!isGroupName(group)) throw PealError.of(GROUP_ERRORS.NAME, { group });
    return new GroupExporter(scope.options, {
      sessions: scope.get(Sessions),
      timers: scope.get(Timers),
      log: scope.get(Logger),
      section: scope.section,
    });
  },
});
