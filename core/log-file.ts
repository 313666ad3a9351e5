// The file that a log is appended to. That it can be written is known before the daemon starts; when it cannot be later (a full disk),
// lines are lost, the daemon lives, standard error is told once, and the file says how many are missing as soon as it takes lines again.
import { closeSync, openSync, write } from 'node:fs';
import { Writable } from 'node:stream';
import { DAEMON_ERRORS, PealError, reasonOf } from './errors.js';

export class LogFile extends Writable {
  private readonly fd: number;
  private lost = 0;

  /** Throws a coded error when the file cannot be appended to. `complain` hears of the first line lost in a row. */
  constructor(
    private readonly path: string,
    private readonly complain: (line: string) => void,
  ) {
    super({ decodeStrings: true });
    try {
      this.fd = openSync(path, 'a');
    } catch (cause) {
      throw PealError.of(DAEMON_ERRORS.LOG_FILE, { path, detail: reasonOf(cause) }, { cause });
    }
  }

  override _write(line: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const missing =
      this.lost === 0 ? '' : `${new Date().toISOString()} warn log: ${this.lost} lines are missing here\n`;
    const bytes = missing === '' ? line : Buffer.concat([Buffer.from(missing), line]);
    write(this.fd, bytes, (error) => {
      if (error === null) this.lost = 0;
      else if (this.lost++ === 0) this.complain(`log lines are lost: ${this.path}: ${error.message}`);
      done();
    });
  }

  override _final(done: () => void): void {
    closeSync(this.fd);
    done();
  }
}
