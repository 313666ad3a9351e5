// Everything that a configuration of floodd can be refused for, whichever language it is written in, and what is only
// warned of. The rows are merged into the plugin's own table.
export const CONFIG_ROWS = {
  SYNTAX: ['{what}', 'mend it there'],
  TOO_LARGE: ['the file has {bytes} bytes, the limit is {limit}', 'split off what is not configuration'],
  NO_FILE: ["floodd's configuration file '{file}' cannot be read: {detail}", 'give a readable file'],
  NO_CONFIG: [
    'no configuration of floodd was found: {tried}',
    'name one in the environment variable FLOODD_CONFIG, or make one of these files',
  ],
  UNKNOWN_FORM: [
    "'{form}' is no form of floodd's, it is ignored",
    'use :site-define, :group-define or :local, or leave it out',
  ],
  UNKNOWN_KEYWORD: ["'{keyword}' is unknown in {form}, it is ignored", '{hint}'],
  REPEATED: ["'{keyword}' of {form} is given more than once, '{value}' holds", 'keep one of them'],
  BAD_VALUE: ["'{value}' is not a value for '{keyword}' of {form}", 'write {expected}'],
  NO_VALUE: ["'{keyword}' of {form} has no value", 'write {expected}'],
  MISSING: ["'{keyword}' of {form} is missing", 'add it: {doc}'],
  NO_SITES: ['no site is defined', 'define at least this one'],
  NO_GROUPS: ['no group is defined', 'define at least one, with its sites'],
  TOO_MANY: ['{count} {what} are defined, the limit is {limit}', 'define fewer'],
  NOT_A_MEMBER: [
    "master '{master}' of group '{group}' is neither defined nor one of its sites",
    'list it, define it, or mend its name: until another member tells of it nobody is asked',
  ],
  NO_WAY_IN: [
    "no other site of group '{group}' is defined, and this one is not its master: there is nobody to join",
    'define the master or any other member of the group',
  ],
  NO_SUCH_SITE: ["site '{site}' is not defined", 'take one of: {known}'],
  WHO_AM_I: ['no site has the name or an address of this host: {host}', 'say which one this is, one of: {known}'],
  WHO_AM_I_MANY: ['several sites have the name or an address of this host: {found}', 'say which one this is'],
  UPDATE_MAX: [
    'the largest update may not be more than half of the data storage: {limit} bytes instead of {value}',
    'lower :update-max, or raise :data-storage-max',
  ],
  NO_EXPORTER: [
    ':export-command is given, but this daemon has no section [export.command]',
    'add [export.command], or start the file with `peal floodd`: what arrives is dropped',
  ],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;
