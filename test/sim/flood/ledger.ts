// What was submitted and what was exported where, and the judgement of single exports: unchanged, in scope, at most once in
// one incarnation of a site. Updates carry their own identifier, so that a body proves itself.
import type { ExportBundle, UpdateId } from '../../../plugins/service/flood/machine/types.js';

export interface Submitted {
  readonly id: UpdateId;
  readonly scope: string;
  readonly atMs: number;
  readonly bytes: number;
}

/** One life of a site. */
interface Exported {
  /** Handed to the exporter, whatever came of it. */
  readonly handed: Set<string>;
  readonly done: Set<string>;
}

export const idText = (u: UpdateId): string => `${u.origin} ${u.incarnation} ${u.sequence}`;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A body of that many bytes at least. */
export function bodyOf(number: number, bytes: number): Uint8Array {
  const text = `update ${number} `;
  return encoder.encode(text + 'x'.repeat(Math.max(0, bytes - text.length)));
}

export class Ledger {
  readonly submitted = new Map<string, Submitted>();
  private readonly byNumber = new Map<number, string>();
  private readonly lives = new Map<string, Exported>();
  private numbers = 0;
  exports = 0;

  constructor(private readonly violate: (guarantee: string, detail: string) => void) {}

  /** The body for the next update. */
  next(bytes: number): { readonly number: number; readonly body: Uint8Array } {
    const number = ++this.numbers;
    return { number, body: bodyOf(number, bytes) };
  }

  accepted(number: number, s: Submitted): void {
    const key = idText(s.id);
    if (this.submitted.has(key)) this.violate('unique identifiers', `${key} was given twice`);
    this.submitted.set(key, s);
    this.byNumber.set(number, key);
  }

  exported(site: string, life: string, groups: readonly string[], bundle: ExportBundle, ok: boolean): void {
    let e = this.lives.get(life);
    if (e === undefined) this.lives.set(life, (e = { handed: new Set(), done: new Set() }));
    for (const u of bundle.updates) {
      const key = idText(u.id);
      this.exports++;
      const text = decoder.decode(u.bytes.subarray(0, 40));
      const number = Number(/^update (\d+) /.exec(text)?.[1]);
      const s = this.submitted.get(key);
      // An update that is exported from inside its own submit is not in the ledger yet.
      const pending = s === undefined && number === this.numbers;
      if (!pending && (s === undefined || this.byNumber.get(number) !== key || u.bytes.length < s.bytes))
        this.violate('integrity', `${site} exports ${key}, which is not what was submitted: ${text}`);
      if (s !== undefined && s.scope !== bundle.scope) this.violate('scope', `${key} of ${s.scope} as ${bundle.scope}`);
      if (bundle.scope !== '*' && !groups.includes(bundle.scope))
        this.violate('scope', `${site} exports ${key} of group ${bundle.scope}, in which it is not`);
      if (e.handed.has(key)) this.violate('at most once', `${site} exports ${key} again in one incarnation`);
      e.handed.add(key);
      if (ok) e.done.add(key);
    }
  }

  done(life: string, id: string): boolean {
    return this.lives.get(life)?.done.has(id) === true;
  }
}
