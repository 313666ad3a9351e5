// Configuration files: every error a coded one, never an exception.
import { buildTree } from '../../../config/load.js';
import type { Random } from '../../sim/random.js';
import type { Target } from '../target.js';

const LINES = [
  '[daemon]',
  'state_dir = ./state',
  '[peer.alpha]',
  'address = 127.0.0.1',
  'link_port = 4800',
  'client_port = 4803',
  '[peer.beta]',
  'address = ::1',
  '[link.tcp]',
  'max_message_bytes = 64 KB',
  '[client.binary]',
  'port = ${peer.client_port}',
  '[client.binary.second]',
  "text = 'a \\' b' ; remark",
  'list = "a, b", c',
  '# remark',
  '; remark',
  '',
  '[storage.memory]',
  '[export.memory.x]',
];

function valid(r: Random): Uint8Array {
  const lines = r.chance(500) ? LINES : Array.from({ length: 1 + r.below(30) }, () => r.pick(LINES));
  return new TextEncoder().encode(lines.join(r.pick(['\n', '\r\n', '\r'])));
}

function feed(input: Uint8Array): boolean {
  const { tree, errors } = buildTree(new TextDecoder().decode(input), {
    file: 'fuzz.ini',
    name: 'alpha',
    isLocal: () => true,
  });
  for (const e of errors)
    if (!e.code.startsWith('PEAL_') || e.message === '') throw new Error(`an error without a code: ${e.message}`);
  return tree.sections.length > 0 || errors.length > 0;
}

export default { name: 'ini', front: 0, valid, feed } satisfies Target;
