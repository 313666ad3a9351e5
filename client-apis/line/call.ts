// One call of a command on the text port: what every command sees (core/plugin/commands.ts), and the client's place in ordered groups for
// the port's own.
import type { CommandCall } from 'peal/plugin';
import type { Seat } from './seat.js';
import type { Interpreted } from './table.js';

export class LineCall implements CommandCall {
  readonly args: readonly string[];

  constructor(
    private readonly line: Interpreted,
    readonly address: string,
    readonly from: string,
    readonly gone: AbortSignal,
    /** The client in ordered groups. */
    readonly seat: Seat,
  ) {
    this.args = line.words.map((word) => word.text);
  }

  get text(): Uint8Array | undefined {
    return this.line.text;
  }

  quoted(index: number): boolean {
    return this.line.words[index]?.quoted === true;
  }
}
