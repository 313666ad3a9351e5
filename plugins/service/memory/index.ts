// service.memory: a keeper of the last messages of some groups, that replays them to whoever asks and hands them to an
// exporter if there is one. The reference of the service kind (core/plugin/service.ts): sessions, storage and export,
// each with its limit. Wiring only; the work is in keeper.ts.
import { definePlugin, errorTable, Exporter, Logger, Sessions, Store, type Service } from 'peal/plugin';
import { Keeper } from './keeper.js';

export const ERRORS = errorTable('SERVICE_MEMORY', {
  REFUSED: ["the session '{name}' was refused: {reason}", 'choose another session_name'],
});

export default definePlugin({
  kind: 'service',
  name: 'memory',
  api: '^1',
  doc: 'Keeps the last messages of groups and replays them on request.',
  errors: ERRORS,
  requires: [{ kind: 'storage' }, { kind: 'export', optional: true }],
  options: {
    session_name: { type: 'string', default: 'keeper', maxLength: 10, doc: 'Private name of its session.' },
    groups: { type: 'list', default: [], maxItems: 100, doc: 'Groups to keep messages of.' },
    keep_messages: { type: 'int', default: 100, min: 1, max: 100_000, unit: 'messages', doc: 'Kept for each group.' },
    queue_bytes: {
      type: 'bytes',
      default: 1_048_576,
      min: 1024,
      doc: 'Bytes waiting for the exporter; beyond it the oldest messages are dropped and counted.',
    },
  },
  create(scope): Service {
    return new Keeper(scope.options, {
      sessions: scope.get(Sessions),
      store: scope.get(Store),
      exporter: scope.find(Exporter),
      log: scope.get(Logger),
      section: scope.section,
      errors: ERRORS,
    });
  },
});
