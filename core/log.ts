// winston behind the Logger port: one line per message on standard error or in a file, a logger per component, levels
// that can change while the daemon runs. What comes from outside cannot break a line: control characters are escaped.
import { createLogger, format, type Logger as Winston, transports } from 'winston';
import { LogFile } from './log-file.js';
import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from './plugin/ports.js';

export interface LogOptions {
  readonly level: LogLevel;
  /** Absolute path of a file to append to; undefined: standard error. */
  readonly file?: string | undefined;
  /** Stands in for standard error in tests. */
  readonly stream?: NodeJS.WritableStream | undefined;
}

type Transport = Parameters<Winston['add']>[0];

/** The log of one daemon. */
export class Log {
  private readonly winston: Winston;
  /** Levels set for a component and everything below it; '' is the level of all others. */
  private readonly levels = new Map<string, LogLevel>();

  private readonly file: LogFile | undefined;

  /** Throws a coded error when the file cannot be appended to. */
  constructor(options: LogOptions) {
    this.levels.set('', options.level);
    const console = options.stream ?? process.stderr;
    if (options.file !== undefined) this.file = new LogFile(options.file, (l) => void console.write(`${l}\n`));
    // winston's own types name the class and its instances differently.
    const transport: unknown = new transports.Stream({ stream: this.file ?? console });
    const line = format.printf((info) => `${String(info['timestamp'])} ${info.level} ${String(info.message)}`);
    this.winston = createLogger({
      level: 'debug',
      format: format.combine(format.timestamp(), line),
      transports: [transport as Transport],
    });
    // A standard error that is closed must not stop the daemon: the log is lost, the messages of clients are not.
    this.winston.on('error', () => undefined);
  }

  /** The logger of that component, e.g. `client.binary`. */
  logger(component: string): Logger {
    return new ComponentLogger(this, component);
  }

  /** Changes the level of a component and its parts from now on; '' changes the level of all without one of their own. */
  setLevel(component: string, level: LogLevel): void {
    this.levels.set(component, level);
  }

  /** Does a message of that level of that component appear? */
  enabled(component: string, level: LogLevel): boolean {
    let name = component;
    while (name !== '' && !this.levels.has(name)) name = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(this.levels.get(name) ?? 'info');
  }

  write(component: string, level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (!this.enabled(component, level)) return;
    this.winston.log(level, `${component}: ${escape(message)}${suffix(fields)}`);
  }

  /** Resolves when everything is written. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.winston.once('finish', () => {
        if (this.file === undefined) resolve();
        else this.file.end(resolve);
      });
      this.winston.end();
    });
  }
}

class ComponentLogger implements Logger {
  constructor(
    private readonly log: Log,
    private readonly component: string,
  ) {}
  error(message: string, fields?: LogFields): void {
    this.log.write(this.component, 'error', message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.log.write(this.component, 'warn', message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.log.write(this.component, 'info', message, fields);
  }
  debug(message: string, fields?: LogFields): void {
    this.log.write(this.component, 'debug', message, fields);
  }
  get verbose(): boolean {
    return this.log.enabled(this.component, 'debug');
  }
  child(part: string): Logger {
    return new ComponentLogger(this.log, `${this.component}.${part}`);
  }
}

function escape(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function suffix(fields: LogFields | undefined): string {
  if (fields === undefined) return '';
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${/[\s"=]/.test(String(value)) ? JSON.stringify(value) : escape(String(value))}`)
    .join('');
}
