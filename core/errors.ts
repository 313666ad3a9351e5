// Coded errors: one table per layer, each row a code, a message template and what the operator should do (style: errors
// are a table checked against docs/errors.md). This file is the lowest layer of all: it imports nothing.

/** One row of an error table. `{name}` in the texts stands for a value given where the error is raised. */
export interface ErrorSpec<M extends string = string> {
  /** Stable; scripts may test for it, e.g. PEAL_CONFIG_UNKNOWN_KEY. */
  readonly code: string;
  readonly message: M;
  /** What the operator should do, one sentence without a final period. */
  readonly remedy: string;
}

/** Where the cause stands: a file and a line counted from 1; a column likewise, where the reader of the file knows it. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

type Placeholders<M extends string> = M extends `${string}{${infer N}}${infer Rest}` ? N | Placeholders<Rest> : never;

/** The values a template needs: one for each `{name}` of its message; those of the remedy are optional. */
export type ErrorValues<M extends string> = Readonly<Record<Placeholders<M>, string | number>> &
  Readonly<Record<string, string | number>>;

export interface ErrorContext {
  readonly at?: Position | undefined;
  readonly cause?: unknown;
}

type Rows = Readonly<Record<string, readonly [message: string, remedy: string]>>;

/** The rows of one layer, as functions of nothing: data that the reference page and the raising code share. */
export type ErrorTable<R extends Rows = Rows> = { readonly [K in keyof R]: ErrorSpec<R[K][0]> };

/**
 * Makes the table of one layer. `layer` is upper case with underscores; the row UNKNOWN_KEY of layer CONFIG has the
 * code PEAL_CONFIG_UNKNOWN_KEY. A plugin takes its kind and name as layer, e.g. CLIENT_BINARY.
 */
export function errorTable<const R extends Rows>(layer: string, rows: R): ErrorTable<R> {
  const table = Object.entries(rows).map(([row, [message, remedy]]) => [
    row,
    { code: `PEAL_${layer}_${row}`, message, remedy } satisfies ErrorSpec,
  ]);
  return Object.fromEntries(table) as ErrorTable<R>;
}

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : String(value);
  });
}

/** An operating error with a stable code and a remedy. Programmer errors are assertions, never this. */
export class PealError extends Error {
  override readonly name = 'PealError';
  readonly code: string;
  readonly remedy: string;
  readonly at: Position | undefined;

  private constructor(code: string, message: string, remedy: string, context: ErrorContext) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.remedy = remedy;
    this.at = context.at;
  }

  /** The error of that row, its template filled. */
  static of<M extends string>(spec: ErrorSpec<M>, values: ErrorValues<M>, context: ErrorContext = {}): PealError {
    return new PealError(spec.code, fill(spec.message, values), fill(spec.remedy, values), context);
  }

  /** The same error with a position, unless it has one already. */
  located(at: Position | undefined): PealError {
    if (this.at !== undefined || at === undefined) return this;
    return new PealError(this.code, this.message, this.remedy, { at, cause: this.cause });
  }

  /** `FILE:LINE: CODE message; remedy` or `FILE:LINE:COLUMN: ...`: the one form in which the operator sees it. */
  override toString(): string {
    const column = this.at?.column === undefined ? '' : `:${this.at.column}`;
    const where = this.at === undefined ? '' : `${this.at.file}:${this.at.line}${column}: `;
    return `${where}${this.code} ${this.message}; ${this.remedy}`;
  }
}

/** All errors found in one go, e.g. in one configuration file; never empty. */
export class PealErrors extends Error {
  override readonly name = 'PealErrors';
  constructor(readonly errors: readonly PealError[]) {
    super(errors.map(String).join('\n'));
  }
}

/** One sentence for any thrown value: what goes into the `detail` of another error or into the log. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof PealError || thrown instanceof PealErrors) return thrown.toString();
  if (thrown instanceof Error) return thrown.message === '' ? thrown.name : thrown.message;
  return String(thrown);
}

/** Reading option values by a plugin's table (core/plugin/options.ts). */
export const OPTION_ERRORS = errorTable('OPTION', {
  UNKNOWN: ["unknown option '{option}' in [{section}]", '{hint}'],
  MISSING: ["option '{option}' of [{section}] is required", 'add the line {option} = ...: {doc}'],
  MALFORMED: ["'{value}' is not a value for '{option}' of [{section}]", 'write {expected}'],
  RANGE: ["'{value}' is out of range for '{option}' of [{section}]", 'write {expected}'],
});

/** Reading configuration files (config/). */
export const CONFIG_ERRORS = errorTable('CONFIG', {
  NO_FILE: ["configuration file '{file}' cannot be read: {detail}", 'give a readable file with -c, or none at all'],
  TOO_LARGE: ['the file has {bytes} bytes, the limit is {limit}', 'split off what is not configuration'],
  NOT_A_LINE: ["'{text}' is neither a section, a key = value nor a comment", 'write key = value, or put a ; before it'],
  BAD_SECTION: [
    'section [{section}] is none we know{meant}',
    'use [daemon], [peer.NAME], [KIND.NAME] or [KIND.NAME.INSTANCE] with a kind of: link, client, storage, export, service',
  ],
  INNER_ALONE: [
    'section [{section}] belongs to [{owner}], which is not in the file',
    'add [{owner}], or remove this one',
  ],
  NO_SECTION: ["key '{option}' stands before the first section", 'put it under the section it belongs to'],
  DUPLICATE_SECTION: ['section [{section}] was given before, in line {line}', 'merge the two'],
  DUPLICATE_KEY: ["key '{option}' was given before, in line {line}", 'keep one of the two'],
  BAD_KEY: ["'{option}' is not a name of an option", 'use lower case letters, digits and _, without [] or dots'],
  UNENDED_QUOTE: ["the quote in the value of '{option}' does not end", 'end it with the same mark, or leave it out'],
  EMPTY_VALUE: ["key '{option}' has no value", 'write {option} = VALUE'],
  UNKNOWN_VARIABLE: ["variable '{name}' is unknown", 'use one of: {known}'],
  PEER_NAME: [
    "'{name}' is not a legal name of a daemon",
    "use 1 to 19 characters from '$' to '~', without '#', and no dot in an INI file",
  ],
  PEER_TWICE: [
    "peers '{first}' and '{second}' have the same address {address} and link port {port}",
    'give each its own',
  ],
  PEER_LIMIT: ['{count} peers are listed, the limit is {limit}', 'list fewer'],
  NO_SUCH_PEER: ['no [peer.{name}] is in the file', 'take one of: {known}'],
  WHO_AM_I: ['no peer in the file has an address of this machine', 'say which one this is: -n NAME, one of: {known}'],
  WHO_AM_I_MANY: [
    'several peers in the file have an address of this machine: {found}',
    'say which one this is: -n NAME',
  ],
  NO_LINK: ['{count} peers but no [link.NAME] section', 'add [link.tcp]'],
  TWO_LINKS: [
    '[{first}] and [{second}] both want to carry the configuration',
    'keep one, or let one wrap the other: wraps = NAME',
  ],
});

/** Plugins: finding, checking, starting and stopping them (core/kernel). */
export const PLUGIN_ERRORS = errorTable('PLUGIN', {
  NOT_FOUND: [
    "no {kind} plugin '{name}' was found",
    'take a built-in one ({known}), give module = PATH, or install the package {package}',
  ],
  LOAD_FAILED: ['plugin {plugin} cannot be loaded from {file}: {detail}', 'mend the module, or name another one'],
  NOT_A_PLUGIN: ['{file} has no default export made by definePlugin', 'export default definePlugin({ ... })'],
  KIND: ['{file} is a {found} plugin, [{section}] asks for a {kind} plugin', 'move it to a section [{found}.{name}]'],
  API: [
    'plugin {plugin} wants API {wanted}, this daemon has {have}',
    'install a version of the plugin made for API {have}',
  ],
  DEFINITION: ['plugin {plugin} is not well defined: {detail}', 'mend its definePlugin call'],
  INNER: ["[{section}]: plugin {plugin} has no inner sections '{kind}'", '{hint}'],
  WRAP: ['[{section}] has {option} = {wrapped}: {detail}', 'name a link that is a medium, and no circle'],
  UNMET: ['plugin {plugin} needs a {kind} plugin and none is configured', 'add a section [{kind}.NAME]'],
  NO_SUCH: ["[{section}] asks for {kind} '{name}', which is not configured", 'take one of: {known}'],
  AMBIGUOUS: ['plugin {plugin} could use several {kind} plugins: {found}', 'choose one with the line {kind} = NAME'],
  CIRCLE: ['plugins need each other in a circle: {circle}', 'take one of them out'],
  CREATE_FAILED: [
    'plugin {plugin} could not be created: {detail}',
    'see the message; its options are in `peal plugins`',
  ],
  START_FAILED: ['plugin {plugin} did not start: {detail}', 'see the message; its options are in `peal plugins`'],
  START_TIMEOUT: [
    'plugin {plugin} did not start within {limit} ms',
    'see its log, or raise start_limit_ms of [daemon]',
  ],
  START_STOPPED: ['the daemon was stopped before plugin {plugin} started', 'nothing is needed'],
  STOP_FAILED: ['plugin {plugin} did not stop cleanly: {detail}', 'nothing is needed; report it to its author'],
  STOP_TIMEOUT: [
    'plugin {plugin} did not stop within {limit} ms',
    'nothing is needed, or raise stop_limit_ms of [daemon]',
  ],
  NO_FAULTY: [
    'this daemon cannot make trouble: [link.faulty] is not in its file',
    'add [link.faulty] with wraps = the link that is there, and start the daemon again',
  ],
  NOT_LIVE: ['[{section}] has no options that change while the daemon runs', 'take one of: {known}'],
  NO_PORT: [
    "plugin {plugin} asks for '{port}', which it cannot have",
    'add what it needs to `requires` of its definition',
  ],
});

/** The running daemon (core/kernel, core/runtime). */
export const DAEMON_ERRORS = errorTable('DAEMON', {
  STATE_DIR: [
    'the folder {path} cannot be used: {detail}',
    'make it writable for this user, or set state_dir of [daemon]',
  ],
  LOG_FILE: [
    'the log cannot be appended to {path}: {detail}',
    'make its folder and let this user write there, or set log_file of [daemon]',
  ],
  FEW_FILES: [
    'the system lets this process open {files} files, max_sessions is {sessions}: beyond them connections are closed without a word',
    'let it open {wanted} (ulimit -n, LimitNOFILE), or lower max_sessions of [daemon]',
  ],
  LINK_OPEN: [
    'the link {plugin} cannot be opened on {address}: {detail}',
    'free the address, or change the peer section',
  ],
  LEAVE_TIMEOUT: ['leaving the configuration took longer than {limit} ms', 'nothing is needed; the others will notice'],
  FATAL: ['the daemon must stop: {detail}', 'see the log for what led to it'],
});

/** The driver of the machines (core/runtime). */
export const RUNTIME_ERRORS = errorTable('RUNTIME', {
  HANDLER_THREW: ['the handler of {source} failed: {detail}', 'start the daemon again and report this with the log'],
});

/** The control channel, both ends (core/runtime). */
export const CONTROL_ERRORS = errorTable('CONTROL', {
  PATH_TOO_LONG: [
    'the path of the control socket has {bytes} bytes, the system allows {limit}: {path}',
    'set a shorter state_dir of [daemon]',
  ],
  UNSAFE: ['{path} is not safe for a control socket: {detail}', 'remove it, or set another state_dir of [daemon]'],
  ALREADY_RUNNING: [
    'a daemon is already running: {path} answers',
    'stop it first, or take another name or another state_dir',
  ],
  LISTEN: [
    'the control socket {path} cannot be made: {detail}',
    'make its folder writable, or set another state_dir of [daemon]',
  ],
  NOT_RUNNING: [
    'no daemon answers at {path}: {detail}',
    'start the daemon, or say which one is meant with -c FILE and -n NAME',
  ],
  TIMEOUT: ['the daemon did not answer {command} within {limit} ms', 'see its log, or try again'],
  CLOSED: ['the connection to the daemon ended before it answered {command}', 'see its log, or try again'],
  BAD_ANSWER: ['the daemon answered with what is no answer: {detail}', 'use the peal command of the same version'],
  BAD_REQUEST: ['not a request: {detail}', 'send one line of JSON with id, command and args'],
  LINE_TOO_LONG: ['a request is longer than {limit} bytes', 'send shorter ones'],
  UNKNOWN_COMMAND: ["unknown command '{command}'", 'take one of: {known}'],
  BAD_ARGUMENT: ["argument '{argument}' of {command}: {detail}", 'see the command help'],
  TOO_MANY: ['{limit} control connections are open already', 'close some'],
  FAILED: ['command {command} failed: {detail}', 'see the log of the daemon'],
});

/** What every storage answers (core/plugin/storage.ts): callers test for these codes, whichever plugin it is. */
export const STORAGE_ERRORS = errorTable('STORAGE', {
  FULL: ['no room for {bytes} bytes in {space}: {used} of {limit} are used', 'raise limit_bytes of the storage plugin'],
  CLOSED: ['the storage of {space} is closed', 'nothing is needed: the daemon stops'],
  KEY: ["'{key}' is not a key", 'use 1 to 255 characters from the space to ~'],
  FAILED: [
    'the storage of {space} could not write: {detail}',
    'make room on its disk, or see why it cannot be written',
  ],
});

/** The command line (core/main, core/cli). */
export const CLI_ERRORS = errorTable('CLI', {
  USAGE: ['{detail}', 'see peal --help'],
  UNREACHABLE: [
    'nobody answers at {place}: {detail}',
    'start the daemon there, or name its text port with -a HOST:PORT',
  ],
  OUTPUT: ['standard output cannot be written: {detail}', 'make room there, or write to another place'],
  UNEXPECTED: ['unexpected failure: {detail}', 'report it with the log'],
});

/** `peal compliance` (tools/compliance.ts). */
export const COMPLIANCE_ERRORS = errorTable('COMPLIANCE', {
  NO_PLUGIN: [
    "there is no plugin '{name}': {detail}",
    'give a path to its module or folder, KIND.NAME of a built-in one, or the name of an installed package',
  ],
  NO_JEST: [
    'jest, which runs the suites, is not installed in {folders} or above',
    'npm install --save-dev jest, where the plugin is',
  ],
  NO_PARTS: [
    'the suite of {kind} plugins needs {what}, which only the author of {plugin} knows',
    'write {file}, or name it with --parts FILE; see {page}',
  ],
  BAD_PARTS: ['{file} is no use as parts of a suite: {detail}', 'export default ({ build }) => ({ ... }); see {page}'],
});

/** Everything the core can raise, in the order of the reference page. */
export const CORE_ERROR_TABLES: readonly { readonly title: string; readonly table: ErrorTable }[] = [
  { title: 'Options', table: OPTION_ERRORS },
  { title: 'Configuration', table: CONFIG_ERRORS },
  { title: 'Plugins', table: PLUGIN_ERRORS },
  { title: 'Daemon', table: DAEMON_ERRORS },
  { title: 'Runtime', table: RUNTIME_ERRORS },
  { title: 'Control channel', table: CONTROL_ERRORS },
  { title: 'Storage', table: STORAGE_ERRORS },
  { title: 'Command line', table: CLI_ERRORS },
  { title: 'Compliance suites', table: COMPLIANCE_ERRORS },
];
