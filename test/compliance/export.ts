// The compliance suite of exporters: any implementation of `Exporter`, ours or a stranger's. What it checks is the
// contract in core/plugin/export.ts.
import type { ExportBatch, Exporter, ExportRecord, ExportResult, Offer } from '../../core/plugin/export.js';
import type { TestApi } from './api.js';

export interface ExportSetup {
  readonly name: string;
  /** A fresh exporter, not started, that takes what it is offered. */
  create(): Promise<Exporter>;
  /** What has arrived outside since `create`, in order; undefined: the suite cannot look there. */
  arrived?(exporter: Exporter): Promise<readonly ExportRecord[]>;
  /** One that needs longer than a moment for a batch, to be stopped in the middle. */
  createSlow?(): Promise<Exporter>;
  /** One whose batches fail. */
  createFailing?(): Promise<Exporter>;
  /** Called after each test, when the exporter has stopped. */
  destroy?(): Promise<void>;
}

const batchOf = (...texts: readonly string[]): ExportBatch => ({
  records: texts.map((text) => ({ id: `id ${text}`, bytes: new TextEncoder().encode(text) })),
  labels: { source: 'compliance', odd: 'a b; "c" $(d)' },
});

/** Runs the suite. */
export function exportCompliance(api: TestApi, setup: ExportSetup): void {
  const { describe, expect } = api;
  const withExporter = (
    name: string,
    body: (exporter: Exporter) => Promise<void>,
    create: (() => Promise<Exporter>) | undefined = () => setup.create(),
  ): void => {
    api.test(name, async () => {
      const exporter = await create();
      try {
        await exporter.start?.();
        await body(exporter);
      } finally {
        await exporter.stop();
        await setup.destroy?.();
      }
    });
  };
  const taken = async (offer: Offer): Promise<ExportResult> => {
    expect(offer).toEqual(offer === 'busy' ? 'taken' : offer);
    return offer === 'busy' ? { ok: false, detail: 'busy' } : offer;
  };
  describe(`export ${setup.name}`, () => {
    withExporter('takes a batch and tells when it is done', async (exporter) => {
      expect(await taken(exporter.offer(batchOf('one', 'two')))).toEqual({ ok: true });
      expect(exporter.maxBatchBytes).toBeGreaterThan(0);
    });
    withExporter('takes the next batch from the moment the last is done', async (exporter) => {
      for (const text of ['a', 'b', 'c', 'd']) expect(await taken(exporter.offer(batchOf(text)))).toEqual({ ok: true });
      if (setup.arrived === undefined) return;
      const bytes = (await setup.arrived(exporter)).map((r) => new TextDecoder().decode(r.bytes)).join('');
      expect(bytes).toBe('abcd');
    });
    withExporter('takes empty records, and one record larger than a batch', async (exporter) => {
      expect(await taken(exporter.offer(batchOf('')))).toEqual({ ok: true });
      const bytes = new Uint8Array(exporter.maxBatchBytes + 1);
      const result = await taken(exporter.offer({ records: [{ id: 'large', bytes }], labels: {} }));
      expect(result).toEqual({ ok: true });
    });
    withExporter('hands over every byte of every record in order, whatever labels say', async (exporter) => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const records = Array.from({ length: 300 }, (_, i) => ({
        id: `${i} of "300" $(x)`,
        bytes: all.subarray(i & 0xff),
      }));
      const labels: Record<string, string> = {
        empty: '',
        'a=b': 'x\0y',
        long: 'x'.repeat(5000),
        lines: '1\n2',
        ü: 'ü',
      };
      expect(await taken(exporter.offer({ records, labels }))).toEqual({ ok: true });
      expect(await taken(exporter.offer({ records: [records[0]!], labels: {} }))).toEqual({ ok: true });
      if (setup.arrived === undefined) return;
      const bytes = (await setup.arrived(exporter)).flatMap((r) => [...r.bytes]);
      expect(bytes).toEqual([...records, records[0]!].flatMap((r) => [...r.bytes]));
    });
    withExporter('takes the next batch in the very moment in which the last is done', async (exporter) => {
      let offers = 0;
      const next = (): Promise<ExportResult> =>
        taken(exporter.offer(batchOf(`${++offers}`))).then((result) => (offers < 3 ? next() : result));
      expect(await next()).toEqual({ ok: true });
      if (setup.arrived === undefined) return;
      expect((await setup.arrived(exporter)).map((r) => new TextDecoder().decode(r.bytes)).join('')).toBe('123');
    });
    withExporter('describes itself in plain values', async (exporter) => {
      await taken(exporter.offer(batchOf('x')));
      for (const value of Object.values(exporter.describe?.() ?? {}))
        expect(['string', 'number', 'boolean'].includes(typeof value)).toBe(true);
    });
    api.test('is busy before start and after stop', async () => {
      const exporter = await setup.create();
      expect(exporter.offer(batchOf('early'))).toBe('busy');
      await exporter.start?.();
      await exporter.stop();
      await exporter.stop();
      expect(exporter.offer(batchOf('late'))).toBe('busy');
      await setup.destroy?.();
    });
    if (setup.createSlow !== undefined) {
      const slow = setup.createSlow.bind(setup);
      withExporter(
        'is busy while a batch is under way, and a stop ends that batch',
        async (exporter) => {
          const first = exporter.offer(batchOf('first'));
          expect(exporter.offer(batchOf('second'))).toBe('busy');
          await exporter.stop();
          expect((await taken(first)).ok).toBe(false);
        },
        slow,
      );
    }
    if (setup.createFailing !== undefined) {
      const failing = setup.createFailing.bind(setup);
      withExporter(
        'a failure is an answer, not a rejection, and the next batch is taken',
        async (exporter) => {
          expect((await taken(exporter.offer(batchOf('x')))).ok).toBe(false);
          expect((await taken(exporter.offer(batchOf('y')))).ok).toBe(false);
        },
        failing,
      );
    }
  });
}
