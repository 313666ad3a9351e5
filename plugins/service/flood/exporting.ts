// Bundles of the machine to the exporter of this site, one at a time. It never holds up flooding: a busy exporter is
// answered with `false`, and the machine asks again.
import type { Exporter, ExportResult } from 'peal/plugin';
import type { SiteDefinition } from './machine/settings.js';
import type { ExportBundle, UpdateId } from './machine/types.js';

export interface ExportingOptions {
  readonly exporter: Exporter | undefined;
  readonly site: SiteDefinition;
  /** The bundle under way is done. */
  readonly done: (result: ExportResult) => void;
}

export class Exporting {
  private underWay: Promise<void> | undefined;

  constructor(private readonly o: ExportingOptions) {}

  offer({ scope, updates }: ExportBundle): boolean {
    const { exporter, site, done } = this.o;
    if (exporter === undefined || this.underWay !== undefined) return false;
    const records = updates.map(({ id, bytes }) => ({ id: recordId(id), bytes }));
    const labels = { site: site.name, group: scope, client_port: String(site.clientPort) };
    const offer = exporter.offer({ records, labels });
    if (offer === 'busy') return false;
    this.underWay = offer.then((result) => {
      this.underWay = undefined;
      done(result);
    });
    return true;
  }

  /** Resolves when nothing is under way, or after that many milliseconds. */
  async settled(limitMs: number): Promise<void> {
    if (this.underWay === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
    await Promise.race([this.underWay, late]);
    clearTimeout(timer);
  }
}

/** `origin incarnation sequence`; what a record's id may not have is written as %XX. */
export function recordId({ origin, incarnation, sequence }: UpdateId): string {
  const name = [...Buffer.from(origin)].map((b) =>
    b > 0x20 && b < 0x7f && b !== 0x25 ? String.fromCharCode(b) : `%${b.toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return `${name.join('')} ${incarnation} ${sequence}`;
}
