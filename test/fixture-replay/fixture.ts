// Reads the *.hex fixtures: bytes between real clients and a real daemon of the peer, as test/fixtures/spread-client/
// index.json describes them. Chunk borders carry no meaning, so what the daemon sent is joined and cut into frames.
import { readFileSync } from 'node:fs';
import { DATA_LENGTH_OFFSET, GROUPS_COUNT_OFFSET, HEADER_BYTES, NAME_BYTES, readU32 } from '../../core/wire/frame.js';

const FOLDER = new URL('../../../test/fixtures/spread-client/', import.meta.url);

/** One step of a connection, with the number of its first line in the file (0-based). */
export type Step =
  | { readonly kind: 'send'; readonly line: number; readonly bytes: Buffer }
  /** A record of the handshake, or one whole frame. */
  | { readonly kind: 'expect'; readonly line: number; readonly bytes: Buffer; readonly frame: boolean }
  | { readonly kind: 'client-end' | 'daemon-end'; readonly line: number };

/** One connection of a fixture. */
export interface Connection {
  /** The comment above it. */
  readonly about: string;
  readonly steps: readonly Step[];
}

/** All connections of a file, in its order. */
export function readFixture(file: string): Connection[] {
  const connections: Connection[] = [];
  let about = '';
  let lines: [number, string][] = [];
  const finish = () => {
    if (lines.length > 0) connections.push({ about, steps: stepsOf(lines) });
    lines = [];
  };
  readFileSync(new URL(file, FOLDER), 'latin1')
    .split('\n')
    .forEach((line, number) => {
      if (line.startsWith('#')) about = line.slice(1).trim();
      else if (line.trim() === '') finish();
      else lines.push([number, line.trim()]);
    });
  finish();
  return connections;
}

function stepsOf(lines: readonly [number, string][]): Step[] {
  const steps: Step[] = [];
  const sent = new Received();
  for (const [line, text] of lines) {
    if (text.startsWith('C>D ')) steps.push({ kind: 'send', line, bytes: Buffer.from(text.slice(4), 'hex') });
    else if (text.startsWith('D>C ')) steps.push(...sent.add(line, Buffer.from(text.slice(4), 'hex')));
    else if (text === 'C-EOF') steps.push({ kind: 'client-end', line });
    else if (text === 'D-EOF') steps.push({ kind: 'daemon-end', line });
    else throw new Error(`line ${line + 1}: '${text}'`);
  }
  return steps;
}

/** The frames that a daemon sent, of a file that has nothing else. */
export function readExcerpt(file: string): Buffer[] {
  const sent = new Received(true);
  const lines = readFileSync(new URL(file, FOLDER), 'latin1').split('\n');
  return lines
    .flatMap((text, line) =>
      text.startsWith('D>C ') ? [...sent.add(line, Buffer.from(text.slice(4).trim(), 'hex'))] : [],
    )
    .map((step) => step.bytes);
}

const ACCEPT = 1;

/** What the daemon sent, cut into the records of the handshake and then into frames. */
class Received {
  private held = Buffer.alloc(0);
  private line = 0;

  constructor(private accepted = false) {}

  *add(line: number, bytes: Buffer): Generator<Step & { kind: 'expect' }> {
    if (this.held.length === 0) this.line = line;
    this.held = Buffer.concat([this.held, bytes]);
    for (let whole = this.whole(); whole > 0 && whole <= this.held.length; whole = this.whole()) {
      const taken = this.held.subarray(0, whole);
      yield { kind: 'expect', line: this.line, bytes: taken, frame: this.accepted };
      if (taken[0] === ACCEPT) this.accepted = true;
      this.held = this.held.subarray(whole);
      this.line = line;
    }
  }

  /** Length of the record or frame that begins here; 0 when that is not known yet. */
  private whole(): number {
    const b = this.held;
    if (b.length === 0) return 0;
    if (this.accepted) {
      if (b.length < HEADER_BYTES) return 0;
      return HEADER_BYTES + NAME_BYTES * readU32(b, GROUPS_COUNT_OFFSET) + readU32(b, DATA_LENGTH_OFFSET);
    }
    if (b[0]! >= 0x80) return 1;
    if (b[0] !== ACCEPT) return 1 + b[0]!;
    // The accept record has a patch byte, which is 0, or a length, which is not.
    const at = b[3] === 0 ? 4 : 3;
    return b.length > at ? at + 1 + b[at]! : 0;
  }
}
