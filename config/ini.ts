// INI text to raw sections with positions. The lines are scanned here (sections, keys, duplicates, line numbers), because
// `ini` gives no positions, merges equal sections and loses their order; the library reads the values: quotes, comments.
import { parse } from 'ini';
import { CONFIG_ERRORS, PealError, type Position } from '../core/errors.js';
import type { OptionEntry } from '../core/plugin/options.js';

/** Largest configuration file, in bytes. */
export const MAX_FILE_BYTES = 1_048_576;

export interface RawSection {
  /** What stands between the brackets. */
  readonly title: string;
  readonly at: Position;
  readonly entries: Map<string, OptionEntry>;
}

export interface ScannedIni {
  readonly sections: readonly RawSection[];
  readonly errors: readonly PealError[];
}

const SECTION = /^\[([^\]]*)\]\s*(?:[;#].*)?$/;
const PAIR = /^([^=]*?)\s*=\s*(.*)$/;
/** A quoted value and a comment behind it: the library would keep both the quotes and what is between them. */
const QUOTED = /^("(?:[^"\\]|\\.)*"|'[^']*')\s*[;#].*$/;
/** A quote that does not end. */
const UNENDED = /^(?:"[^"]*|'[^']*)$/;
const KEY = /^[a-z][a-z0-9_]*$/;
/** A control character other than the tab. */
const CONTROL = /[^\P{Cc}\t]/gu;

/** Scans a whole text; every error found is returned, what could be read is read. */
export function scanIni(text: string, file: string): ScannedIni {
  return new Scanner(file).scan(text);
}

class Scanner {
  private readonly sections: RawSection[] = [];
  private readonly errors: PealError[] = [];
  private current: RawSection | undefined;
  /** Keys of a section that was refused are not reported again as homeless. */
  private skipping = false;

  constructor(private readonly file: string) {}

  scan(text: string): ScannedIni {
    const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
    lines.forEach((line, i) => {
      this.line(line.trim(), { file: this.file, line: i + 1 });
    });
    return { sections: this.sections, errors: this.errors };
  }

  private line(line: string, at: Position): void {
    if (line === '' || line.startsWith(';') || line.startsWith('#')) return;
    const section = SECTION.exec(line);
    const pair = section === null && !line.startsWith('[') ? PAIR.exec(line) : null;
    if (section !== null) this.section(section[1]!.trim(), at);
    else if (pair !== null && line.search(CONTROL) < 0) this.pair(pair[1]!, pair[2]!, at);
    else if (KEY.test(line)) this.errors.push(PealError.of(CONFIG_ERRORS.EMPTY_VALUE, { option: line }, { at }));
    else this.errors.push(PealError.of(CONFIG_ERRORS.NOT_A_LINE, { text: printable(line) }, { at }));
  }

  private section(title: string, at: Position): void {
    const before = this.sections.find((s) => s.title === title);
    this.skipping = before !== undefined;
    if (before !== undefined) {
      const values = { section: printable(title), line: before.at.line };
      this.errors.push(PealError.of(CONFIG_ERRORS.DUPLICATE_SECTION, values, { at }));
      return;
    }
    this.current = { title, at, entries: new Map() };
    this.sections.push(this.current);
  }

  private pair(key: string, text: string, at: Position): void {
    if (this.skipping) return;
    if (!KEY.test(key)) {
      this.errors.push(PealError.of(CONFIG_ERRORS.BAD_KEY, { option: printable(key) }, { at }));
      return;
    }
    if (this.current === undefined) {
      this.errors.push(PealError.of(CONFIG_ERRORS.NO_SECTION, { option: key }, { at }));
      return;
    }
    const before = this.current.entries.get(key);
    if (before !== undefined) {
      const values = { option: key, line: before.at?.line ?? 0 };
      this.errors.push(PealError.of(CONFIG_ERRORS.DUPLICATE_KEY, values, { at }));
      return;
    }
    if (UNENDED.test(text)) {
      this.errors.push(PealError.of(CONFIG_ERRORS.UNENDED_QUOTE, { option: key }, { at }));
      return;
    }
    const raw = text.replace(QUOTED, '$1');
    // Quoted or not, what `ini` turns into a boolean or null was a word in the file and is one again.
    const value = String(parse(`v = ${raw}`)['v'] ?? 'null');
    if (value === '' && !/^(""|'')/.test(raw)) {
      this.errors.push(PealError.of(CONFIG_ERRORS.EMPTY_VALUE, { option: key }, { at }));
      return;
    }
    this.current.entries.set(key, { value, at });
  }
}

/** Texts from a file shown in an error: short, and without control characters. */
function printable(text: string): string {
  const clean = text.replace(CONTROL, '?');
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}
