// Answers the questions of the handshake about a client: method IP by the rules of access_ip, method PWORD by the
// entries of access_pword. Whatever goes wrong is a no, counted and logged: a broken file must not let anybody in.
import { reasonOf } from 'peal/plugin';
import { allowsAddress, passwordEntry, readFirst, usualPlaces } from './access.js';
import type { ClientAddress } from './access.js';
import { loadCrypt, verifyPassword } from './passwords.js';
import type { Refusals } from './refusals.js';
import type { Credentials } from './session.js';

/** Names of the peer's files, looked for where it does. */
export const ACCESS_IP = 'spread.access_ip';
export const ACCESS_PWORD = 'spread.access_pword';

/** Password checks that may go on or wait at one time; each costs a worker thread some time and memory. */
const MAX_PASSWORD_CHECKS = 64;

export class Verifier {
  private readonly ipFiles: readonly string[];
  private readonly passwordFiles: readonly string[];
  private checks = 0;

  constructor(
    private readonly refusals: Refusals,
    ipFile: string | undefined,
    passwordFile: string | undefined,
  ) {
    this.ipFiles = ipFile === undefined ? usualPlaces(ACCESS_IP) : [ipFile];
    this.passwordFiles = passwordFile === undefined ? usualPlaces(ACCESS_PWORD) : [passwordFile];
  }

  /** Never rejects. */
  async verify(
    method: 'IP' | 'PWORD',
    credentials: Credentials | undefined,
    from: ClientAddress,
    label: string,
  ): Promise<boolean> {
    try {
      if (method === 'IP') return await this.address(from, label);
      return credentials !== undefined && (await this.password(credentials));
    } catch (error) {
      this.refusals.note('auth-error', label, `method ${method} could not be checked: ${reasonOf(error)}`);
      return false;
    }
  }

  private async address(from: ClientAddress, label: string): Promise<boolean> {
    const text = await readFirst(this.ipFiles);
    if (text === undefined) throw new Error(`there is no ${this.ipFiles.join(' and no ')}`);
    return allowsAddress(text, from, (line) => {
      this.refusals.note('auth-error', label, `a line of access_ip is no rule: ${line}`);
    });
  }

  private async password({ user, password }: Credentials): Promise<boolean> {
    if (this.checks >= MAX_PASSWORD_CHECKS) throw new Error(`${this.checks} passwords are being checked`);
    this.checks++;
    try {
      const text = await readFirst(this.passwordFiles);
      if (text === undefined) throw new Error(`there is no ${this.passwordFiles.join(' and no ')}`);
      const entry = passwordEntry(text, user);
      return entry !== undefined && (await verifyPassword(password, entry, await loadCrypt()));
    } finally {
      this.checks--;
    }
  }
}
