// floodd's S-expression files: every error a coded one with a place, never an exception of another kind.
import { readDefinitions } from '../../../plugins/service/flood/config/definitions.js';
import { PealError } from '../../../core/errors.js';
import type { Random } from '../../sim/random.js';
import type { Target } from '../target.js';

const FORMS = [
  '(:site-define (:site-name master) (:hostname localhost) (:client-port 2000) (:data-port 2001))',
  '(:site-define (:site-name "in \\"ferno") (:hostname h) (:inet-address 127.0.0.1) (:lattitude 34.02) (:longitude -1))',
  '(:group-define (:group-name"g") (:site master) (:site "in \\"ferno") (:ping-period 15.0) (:connectivity 3))',
  '(:group-define (:group-name g) (:allow-site 128.125.0.0) (:deny-site 10.0.0.0/8))',
  '(:local (:export-command /bin/filer -x "y z") (:site-purge-period 600) (:export-local no) (:site-name master))',
  ';; remark "(',
  '(:what (:is this))',
  '',
];

function valid(r: Random): Uint8Array {
  const forms = r.chance(500) ? FORMS : Array.from({ length: 1 + r.below(20) }, () => r.pick(FORMS));
  return new TextEncoder().encode(forms.join(r.pick(['\n', '\r\n', ' \n\t'])));
}

function feed(input: Uint8Array): boolean {
  try {
    const { errors, warnings, sites, groups } = readDefinitions(new TextDecoder().decode(input), 'fuzz');
    for (const e of [...errors, ...warnings])
      if (e.at?.column === undefined || !e.code.startsWith('PEAL_SERVICE_FLOOD_'))
        throw new Error(`an error without a place or a code: ${e.message}`);
    return sites.length + groups.length > 0;
  } catch (error) {
    if (!(error instanceof PealError) || error.at?.column === undefined) throw error;
    return true;
  }
}

export default { name: 'flood-config', front: 0, valid, feed } satisfies Target;
