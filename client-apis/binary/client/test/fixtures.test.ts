// Items 46 to 49, 51 and 52 of the conformance list: the library reads what real daemons and clients said, byte for byte.
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HEADER_BYTES, NAME_BYTES, Service } from '../../../../core/wire/frame.js';
import { readFixture } from '../../../../test/fixture-replay/fixture.js';
import { ClientError } from '../errors.js';
import type { SessionEvent } from '../events.js';
import { Handshake } from '../handshake.js';
import { EventReader } from '../reader.js';

interface ExpectedFrame {
  readonly typeHex: string;
  readonly bits: readonly string[];
  readonly sender: string;
  readonly groups: readonly string[];
  readonly messType?: number;
  readonly endianMismatch?: number;
  readonly dataHex?: string;
  readonly groupId?: readonly number[];
  readonly vsSets?: readonly (readonly string[])[];
  readonly localVsSet?: number;
}

interface ExpectedFile {
  readonly handshake?: { privateGroup: string };
  readonly 'D>C': readonly ExpectedFrame[];
}

const FOLDER = fileURLToPath(new URL('../../../../../test/fixtures/spread-client/', import.meta.url));
const EXPECTED = JSON.parse(readFileSync(`${FOLDER}expected.json`, 'utf8')) as Record<string, ExpectedFile>;
const MAX_BYTES = 1 << 20;

/** What the daemon sent in the first connection of a file: records of the handshake, frames. */
function fromDaemon(file: string, frames: boolean): Uint8Array {
  const steps = readFixture(file)[0]!.steps;
  const bytes = steps.flatMap((s) => (s.kind === 'expect' && s.frame === frames ? [s.bytes] : []));
  return Uint8Array.from(Buffer.concat(bytes));
}

/** The frames behind the handshake, and who we are. */
function framesOf(file: string): { self: string; bytes: Uint8Array } {
  const group = EXPECTED[file]!.handshake?.privateGroup;
  if (group !== undefined) return { self: group, bytes: fromDaemon(file, true) };
  // Frames only, one on each line.
  const lines = readFileSync(FOLDER + file, 'utf8').split('\n');
  const hex = lines.flatMap((l) => (l.startsWith('D>C ') ? [l.slice(4)] : [])).join('');
  return { self: '#a#alpha', bytes: Uint8Array.from(Buffer.from(hex, 'hex')) };
}

function told(e: SessionEvent): unknown {
  switch (e.kind) {
    case 'message':
      return {
        kind: e.kind,
        service: e.service,
        sender: e.sender,
        groups: e.groups,
        type: e.type,
        bigEndian: e.bigEndian,
        data: Buffer.from(e.data).toString('hex'),
      };
    case 'view':
      return {
        kind: e.kind,
        group: e.group,
        members: e.members,
        id: Object.values(e.id),
        sets: e.sets,
        localSet: e.localSet,
      };
    case 'transitional':
      return { kind: e.kind, group: e.group, id: Object.values(e.id) };
    default:
      return e;
  }
}

function expected(f: ExpectedFrame): unknown {
  const service = Number(f.typeHex);
  const id = f.groupId?.map((n) => n >>> 0);
  if ((service & Service.REGULAR) !== 0)
    return {
      kind: 'message',
      service,
      sender: f.sender,
      groups: f.groups,
      type: f.messType,
      bigEndian: f.endianMismatch === 1,
      data: f.dataHex ?? '',
    };
  if ((service & Service.REG_MEMB) !== 0)
    return { kind: 'view', group: f.sender, members: f.groups, id, sets: f.vsSets, localSet: f.localVsSet };
  if ((service & Service.TRANSITION) !== 0) return { kind: 'transitional', group: f.sender, id };
  return { kind: 'left', group: f.sender };
}

/** The same frames as a big-endian daemon would write them. */
function bigEndian(bytes: Uint8Array): Uint8Array {
  const b = Buffer.from(bytes);
  const swap = (at: number): void => void b.writeUInt32BE(b.readUInt32LE(at), at);
  for (let at = 0; at < b.length;) {
    const service = (b.readUInt32LE(at) & ~0x80000080) >>> 0;
    const groups = b.readUInt32LE(at + 36);
    const data = b.readUInt32LE(at + 44);
    const body = at + HEADER_BYTES + NAME_BYTES * groups;
    if ((service & (Service.REG_MEMB | Service.TRANSITION)) !== 0) {
      if ((service & Service.REG_MEMB) !== 0) {
        const sets = b.readUInt32LE(body + 12);
        for (let i = 0, to = body + 20; i < sets; i++) {
          const n = b.readUInt32LE(to);
          swap(to);
          to += 4 + NAME_BYTES * n;
        }
        swap(body + 12);
        swap(body + 16);
      }
      for (let to = body; to < body + 12; to += 4) swap(to);
    }
    b.writeUInt32BE(service, at);
    swap(at + 36);
    swap(at + 44);
    at = body + data;
  }
  return b;
}

describe.each(Object.keys(EXPECTED))('%s', (file) => {
  const { self, bytes } = framesOf(file);
  const want = EXPECTED[file]!['D>C'].map(expected);

  test('item 46: decodes to what was expected, in chunks of any size', () => {
    for (const size of [1, 7, 48, 1000, bytes.length || 1]) {
      const reader = new EventReader(self, MAX_BYTES);
      const events: SessionEvent[] = [];
      for (let at = 0; at < bytes.length; at += size) events.push(...reader.push(bytes.slice(at, at + size)));
      expect(events.map(told)).toEqual(want);
    }
  });

  test('item 52: a big-endian daemon says the same', () => {
    expect(new EventReader(self, MAX_BYTES).push(bigEndian(bytes)).map(told)).toEqual(want);
  });

  test('items 47 and 48: own place, own set, who changed', () => {
    for (const e of new EventReader(self, MAX_BYTES).push(new Uint8Array(bytes))) {
      if (e.kind !== 'view') continue;
      expect(e.ownIndex).toBe(e.members.indexOf(self));
      if (e.cause === 'network') expect(e.together).toEqual(e.sets[e.localSet]);
      else expect(e.changed).toBe(e.sets[0]![0]);
    }
  });
});

test('a fixture of every kind was read', () => {
  const files = readdirSync(FOLDER).filter((f) => f in EXPECTED);
  expect(files.length).toBe(Object.keys(EXPECTED).length);
  expect(files.length).toBeGreaterThan(12);
});

describe('the handshake', () => {
  test.each(['01-le-member-lifecycle.hex', '10-c-libspread-4.4-spuser.hex'])(
    '%s: the real answers let us in',
    (file) => {
      const { privateGroup } = EXPECTED[file]!.handshake!;
      const written: string[] = [];
      const request = { name: privateGroup.split('#')[1]!, membership: true, priority: false, auth: ['NULL'] } as const;
      const h = new Handshake({ ...request, credentials: undefined }, (b) =>
        written.push(Buffer.from(b).toString('hex')),
      );
      h.begin();
      const answers = [...fromDaemon(file, false)].map((byte) => h.received(Uint8Array.of(byte)));
      expect(answers.pop()?.accepted).toEqual({ privateGroup, version: [4, 4, 0] });
      expect(answers.every((a) => a === undefined)).toBe(true);
      const sent = readFixture(file)[0]!.steps.flatMap((s) => (s.kind === 'send' ? [s.bytes.toString('hex')] : []));
      expect(written).toEqual(sent.slice(0, 2));
    },
  );

  test('item 51: every reject byte is its code', () => {
    const codes = [
      [0xfd, 'REJECT_QUOTA'],
      [0xfc, 'REJECT_NO_NAME'],
      [0xfb, 'REJECT_ILLEGAL_NAME'],
      [0xfa, 'REJECT_NOT_UNIQUE'],
      [0xf9, 'REJECT_VERSION'],
      [0xf7, 'REJECT_AUTH'],
    ] as const;
    for (const [byte, code] of codes)
      for (const before of [[], [5, ...Buffer.from('NULL ')]]) {
        const h = new Handshake(
          { name: 'a', membership: true, priority: false, auth: ['NULL'], credentials: undefined },
          () => undefined,
        );
        h.begin();
        expect(() => h.received(Uint8Array.of(...before, byte))).toThrow(
          expect.objectContaining({ code, number: byte - 256 }),
        );
      }
  });

  test('a daemon that does not offer the method, an illegal name', () => {
    const h = new Handshake(
      { name: 'a', membership: true, priority: false, auth: ['NULL'], credentials: undefined },
      () => undefined,
    );
    h.begin();
    expect(() => h.received(Uint8Array.of(3, ...Buffer.from('IP ')))).toThrow(/offers IP, not NULL/);
    for (const name of ['a b', 'a#b', 'elevenbytes'])
      expect(() =>
        new Handshake(
          { name, membership: true, priority: false, auth: ['NULL'], credentials: undefined },
          () => undefined,
        ).begin(),
      ).toThrow(ClientError);
  });
});

describe('what no daemon says', () => {
  test('a frame that claims more than there may be takes no memory', () => {
    for (const [at, value] of [
      [36, 0x7fffffff],
      [44, 0x7fffffff],
      [44, 0xffffffff],
    ] as const) {
      const b = Buffer.alloc(HEADER_BYTES);
      b.writeUInt32LE(0x90000080, 0);
      b.writeUInt32LE(value, at);
      expect(() => new EventReader('#a#b', MAX_BYTES).push(b)).toThrow(
        expect.objectContaining({ code: 'ILLEGAL_MESSAGE' }),
      );
    }
  });

  test('a service without a meaning', () => {
    const b = Buffer.alloc(HEADER_BYTES);
    b.writeUInt32LE(0x80000080, 0);
    expect(() => new EventReader('#a#b', MAX_BYTES).push(b)).toThrow(/means nothing/);
  });
});
