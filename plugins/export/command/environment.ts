// What a run is told beside the data: count, bytes, an index of the records, and the labels of the batch. Records and
// labels may come from strangers, so nothing of them may end up where it could end a variable or the list of variables.
import type { ExportBatch } from 'peal/plugin';

/** Most of the index, bytes; it ends with a whole line. */
export const INDEX_BYTES = 8192;
/** Longest value of a label, characters. */
const VALUE_LENGTH = 1024;
/** Most labels. */
const LABELS = 64;
/** Would end a value, or forge a line of a log. */
const CONTROL = /\p{Cc}/gu;

/** The environment that is added for that batch. */
export function environmentOf({ records, labels }: ExportBatch, prefix: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels).slice(0, LABELS))
    env[prefix + name.toUpperCase().replace(/[^A-Z0-9_]/g, '_')] = plain(value).slice(0, VALUE_LENGTH);
  env[`${prefix}COUNT`] = String(records.length);
  env[`${prefix}BYTES`] = String(records.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let index = '';
  for (const { id, bytes } of records) {
    const line = `${plain(id)} ${bytes.length}\n`;
    if (Buffer.byteLength(index) + Buffer.byteLength(line) > INDEX_BYTES) break;
    index += line;
  }
  env[`${prefix}INDEX`] = index;
  return env;
}

function plain(text: string): string {
  return text.replace(CONTROL, '?');
}
