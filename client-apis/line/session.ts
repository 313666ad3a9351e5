// One connection of the text port as a machine (docs/design/line.md, 1 to 3 and 7): bytes and answers in; replies, command lines and
// the end out. It knows no command: what a line means is asked outside, and comes back as a step, at once or later. Pure.
import type { NeedBytes, NeedLines, Reply, Step, Steps, Upgrade } from 'peal/plugin';
import { ByteUpload, LineUpload, type Upload } from './upload.js';
import { formatReply, GREETING, hasControl, LineCollector, MAX_LINE_BYTES, type ReplyForm } from './wire.js';

/** Answers 500 in a row that end a connection. */
export const MAX_FAULTS = 10;
/** Input that waits behind a command before the client is no longer read, bytes. */
export const MAX_WAITING_BYTES = 64 * 1024;

export interface LineRules {
  readonly form: ReplyForm;
  /** Empty: none. */
  readonly prompt: string;
  /** Milliseconds without input between commands, and in the middle of an upload; 0: not limited. */
  readonly idleLimitMs: number;
  readonly uploadLimitMs: number;
  /**
   * The greeting waits that long for a first line, since browsers speak first and understand no greeting; 0: it does not.
   * Milliseconds.
   */
  readonly greetingWaitMs: number;
}

/** closed: by command, or after the client's end. Others were told the client with 421. */
export type LineEnd = 'closed' | 'idle' | 'faults' | 'stopping' | 'foreign';

export interface LineOut {
  /** Whole replies: nothing comes between the bytes of one call. */
  write(bytes: Uint8Array): void;
  /** A command line; its step is given to `answer`, from inside this call or later. */
  obey(line: Uint8Array): void;
  /** An upload is complete: the step that `take` answers is given to `answer`, as with `obey`. */
  take(call: () => Steps): void;
  /**
   * The connection is that stream from here on, and these bytes are the first; `ended`: the client has ended its side
   * behind them. But for `reading` nothing follows.
   */
  raw(stream: Upgrade['stream'], first: readonly Uint8Array[], ended: boolean): void;
  /** A browser asks for a page. Nothing follows. */
  page(): void;
  /** Should the client be read? */
  reading(on: boolean): void;
  /** Moves the one timer; negative: cancels it. */
  timer(ms: number): void;
  /** Is the client waiting for something that is not its turn to end, e.g. messages of groups? */
  attending(): boolean;
  /** The connection is to be closed when all was written. Called once, last. */
  end(why: LineEnd): void;
}

type State = 'line' | 'upload' | 'busy' | 'over';

/** First lines of HTTP and of nothing else. */
const HTTP = /^[A-Z]{3,10} \S+ HTTP\/\d/;
const PAGE = /^GET \/\S* HTTP\/\d/;

const latin1 = new TextDecoder('latin1');
const encoder = new TextEncoder();

export class LineSession {
  private state: State = 'line';
  private readonly collector = new LineCollector();
  private upload: { readonly need: NeedLines | NeedBytes; readonly bytes: Upload } | undefined;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private paused = false;
  private held = false;
  private working = false;
  private finishedInput = false;
  private first = true;
  /** Not said yet. */
  private greeting: string | undefined;
  private faults = 0;

  constructor(
    private readonly rules: LineRules,
    private readonly out: LineOut,
  ) {}

  /** No step follows and nothing is written any more. */
  get over(): boolean {
    return this.state === 'over';
  }

  /** The first words to the client, unless it is a browser. */
  greet(text: string): void {
    this.greeting = text;
    if (this.rules.greetingWaitMs === 0) this.sayGreeting();
    else this.out.timer(this.rules.greetingWaitMs);
    this.arm();
  }

  received(chunk: Uint8Array): void {
    if (this.state === 'over' || chunk.length === 0) return;
    this.waiting.push(chunk);
    this.waitingBytes += chunk.length;
    this.work();
    this.arm();
  }

  /** The client has ended its side. */
  finished(): void {
    this.finishedInput = true;
    this.work();
  }

  /** The step of the command or upload that was asked last. */
  answer(step: Step): void {
    if (this.state !== 'busy') return;
    this.state = 'line';
    if ('need' in step) this.begin(step);
    else this.reply('stream' in step ? step.reply : step);
    if ('stream' in step) {
      this.upgrade(step.stream);
      return;
    }
    if (!('need' in step) && step.close === true) this.end('closed');
    else if (this.faults >= MAX_FAULTS) this.close('faults', 'too many errors, closing');
    else if (this.upload === undefined) this.prompt();
    this.work();
    this.arm();
  }

  /** The client does not read (true): no command is begun until it does. */
  hold(on: boolean): void {
    this.held = on;
    if (!on) this.work();
  }

  /** The timer ran out. */
  expired(): void {
    if (this.state === 'over') return;
    if (this.greeting !== undefined) {
      this.sayGreeting();
      this.arm();
    } else if (this.state === 'busy' || (this.state === 'line' && this.out.attending())) this.arm();
    else if (this.state === 'upload') this.close('idle', 'the upload stands still, closing');
    else this.close('idle', 'idle, closing');
  }

  /** The daemon, or the client's session in it, stops. */
  stop(why: string): void {
    if (this.state !== 'over') this.close('stopping', why);
  }

  /** The connection is gone. */
  abandon(): void {
    this.state = 'over';
    this.forget();
  }

  // ---- input -----------------------------------------------------------------------------------------------------

  /** Works off what waits, as far as it may. Not re-entered: an answer from inside `obey` goes on in the loop. */
  private work(): void {
    if (this.working) return;
    this.working = true;
    while (this.mayWork() && this.waiting.length > 0) {
      const chunk = this.waiting[0]!;
      const at = this.state === 'upload' ? this.uploading(chunk) : this.line(chunk);
      // The machine may have ended meanwhile, and forgotten what waited.
      if (this.waiting[0] !== chunk) continue;
      this.waitingBytes -= at;
      if (at === chunk.length) this.waiting.shift();
      else this.waiting[0] = chunk.subarray(at);
    }
    this.working = false;
    if (this.finishedInput && this.mayWork() && this.waiting.length === 0) {
      this.sayGreeting();
      this.end('closed');
    }
    this.read();
  }

  private mayWork(): boolean {
    return (this.state === 'line' && !this.held) || this.state === 'upload';
  }

  private read(): void {
    const paused = this.state !== 'over' && this.waitingBytes > MAX_WAITING_BYTES;
    if (paused === this.paused) return;
    this.paused = paused;
    this.out.reading(!paused);
  }

  private line(chunk: Uint8Array): number {
    const at = this.collector.take(chunk, 0);
    if (at >= 0) return at;
    const { tooLong } = this.collector;
    const line = this.collector.next();
    this.consume(chunk, -1 - at);
    this.complete(line, tooLong);
    return 0;
  }

  /** Bytes are taken off before a step is asked for: its answer may look at what is left. */
  private consume(chunk: Uint8Array, to: number): void {
    this.waitingBytes -= to;
    if (to === chunk.length) this.waiting.shift();
    else this.waiting[0] = chunk.subarray(to);
  }

  private complete(line: Uint8Array, tooLong: boolean): void {
    const text = this.first && !tooLong ? latin1.decode(line) : '';
    this.first = false;
    if (PAGE.test(text)) {
      this.state = 'over';
      this.forget();
      this.out.page();
      return;
    }
    this.sayGreeting();
    if (HTTP.test(text)) {
      this.close('foreign', 'this is no web server');
    } else if (tooLong || hasControl(line)) {
      this.state = 'busy';
      this.answer({
        code: 500,
        text: tooLong ? `the line is longer than ${MAX_LINE_BYTES} bytes` : 'control characters',
      });
    } else if (line.every((byte) => byte === 0x20 || byte === 0x09)) {
      this.prompt();
    } else {
      this.state = 'busy';
      this.out.obey(line);
    }
  }

  private begin(need: NeedLines | NeedBytes): void {
    if (need.need === 'lines') this.reply(need.reply);
    const bytes = need.need === 'lines' ? new LineUpload(need.limitBytes) : new ByteUpload(need.count, need.limitBytes);
    this.upload = { need, bytes };
    this.state = 'upload';
  }

  private uploading(chunk: Uint8Array): number {
    const { need, bytes } = this.upload!;
    const at = bytes.take(chunk, 0);
    if (at >= 0) return at;
    this.consume(chunk, -1 - at);
    this.upload = undefined;
    this.state = 'busy';
    if (bytes.tooLarge) this.answer(need.tooLarge);
    else this.out.take(() => need.take(bytes.finish()));
    return 0;
  }

  private upgrade(stream: Upgrade['stream']): void {
    const first = this.waiting;
    this.state = 'over';
    this.forget();
    this.out.raw(stream, first, this.finishedInput);
    this.read();
  }

  // ---- output ----------------------------------------------------------------------------------------------------

  private reply(reply: Reply): void {
    this.faults = reply.code === 500 ? this.faults + 1 : 0;
    this.out.write(formatReply(reply, this.rules.form, this.rules.prompt));
  }

  private sayGreeting(): void {
    const text = this.greeting;
    if (text === undefined) return;
    this.greeting = undefined;
    this.reply({ code: GREETING, text });
    this.prompt();
  }

  private prompt(): void {
    if (this.rules.prompt !== '' && this.state === 'line') this.out.write(encoder.encode(this.rules.prompt));
  }

  private arm(): void {
    if (this.state === 'over' || this.greeting !== undefined) return;
    const ms = this.state === 'upload' ? this.rules.uploadLimitMs : this.rules.idleLimitMs;
    this.out.timer(ms === 0 ? -1 : ms);
  }

  private close(why: LineEnd, text: string): void {
    this.reply({ code: 421, text });
    this.end(why);
  }

  private end(why: LineEnd): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.forget();
    this.out.end(why);
  }

  private forget(): void {
    this.waiting = [];
    this.waitingBytes = 0;
    this.upload = undefined;
    this.out.timer(-1);
  }
}
