// What can keep [client.binary] from starting (docs/errors.md).
import { errorTable } from 'peal/plugin';

export const BINARY_ERRORS = errorTable('CLIENT_BINARY', {
  LISTEN: ['cannot listen on {address}: {detail}', 'free the address, or set port and host of [{section}]'],
  NOTHING: ['[{section}] listens nowhere', 'set host to an address, or unix_socket to a path'],
  NOT_A_SOCKET: ['{path} exists and is not a socket', 'remove it, or set unix_socket to another path or to off'],
  SOCKET_PATH: [
    'the path of the Unix socket has {bytes} bytes, the system allows {limit}: {path}',
    'set unix_socket to a shorter path or to off',
  ],
  NOT_OUR_SOCKET: [
    '{path} is a socket of user {uid}, not of ours',
    'stop what made it, or set unix_socket to another path or to off',
  ],
  SOCKET_IN_USE: [
    'another process listens on {path}',
    'stop it, or set port to another one, or unix_socket to another path or to off',
  ],
  AUTH_REQUIRED: ['required_auth has {method}, allowed_auth has not', 'add {method} to allowed_auth'],
  NO_STORAGE: ['slow_reader = spill needs a storage plugin', 'add a section [storage.NAME], or take kick or block'],
});
