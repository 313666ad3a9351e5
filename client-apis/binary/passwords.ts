// Entries of an access_pword file. Two forms are known:
//
//   ab1bFm0Gc2Tng                              the peer's: crypt(3) with a salt of two characters, 13 in all
//   $scrypt$ln=14,r=8,p=1$SALT$HASH            ours: scrypt, salt and 32 bytes of hash in base64
//
// The first form is DES: anybody who has the file has the passwords. It is read so that the peer's files work, through
// the package unix-crypt-td-js where it is installed.
import { scrypt, timingSafeEqual } from 'node:crypto';

export type Crypt = (password: string, salt: string) => string;

const CRYPT_FORM = /^[./0-9A-Za-z]{13}$/;
const SCRYPT_FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)=*\$([A-Za-z0-9+/]+)=*$/;
const HASH_BYTES = 32;
/** Bounds of the work an entry may ask for: 2^ln rounds, 128 * 2^ln * r bytes. */
const MOST = { ln: 17, r: 16, p: 4 } as const;
const MEMORY_BYTES = 512 * 1024 * 1024;

/** Is the entry of a form that is known? */
export function isEntry(entry: string): boolean {
  return CRYPT_FORM.test(entry) || SCRYPT_FORM.test(entry);
}

/** Does the password belong to the entry? Rejects when the entry's form cannot be checked. */
export async function verifyPassword(password: string, entry: string, crypt: Crypt | undefined): Promise<boolean> {
  if (CRYPT_FORM.test(entry)) {
    if (crypt === undefined) throw new Error('entries of crypt(3) need the package unix-crypt-td-js');
    return equal(Buffer.from(crypt(password, entry.slice(0, 2))), Buffer.from(entry));
  }
  const form = SCRYPT_FORM.exec(entry);
  if (form === null) throw new Error('the entry has neither the form of crypt(3) nor that of scrypt');
  const [ln, r, p] = [Number(form[1]), Number(form[2]), Number(form[3])];
  if (ln < 1 || ln > MOST.ln || r < 1 || r > MOST.r || p < 1 || p > MOST.p)
    throw new Error(`the entry asks for more work than ln=${MOST.ln},r=${MOST.r},p=${MOST.p}`);
  const hash = await derive(password, Buffer.from(form[4]!, 'base64'), 2 ** ln, r, p);
  return equal(hash, Buffer.from(form[5]!, 'base64'));
}

function derive(password: string, salt: Buffer, cost: number, blockSize: number, parallelization: number) {
  return new Promise<Buffer>((resolve, reject) => {
    const options = { cost, blockSize, parallelization, maxmem: MEMORY_BYTES };
    scrypt(password, salt, HASH_BYTES, options, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The classic crypt(3) of the package unix-crypt-td-js; undefined where that is not installed. */
export async function loadCrypt(): Promise<Crypt | undefined> {
  const name = 'unix-crypt-td-js';
  try {
    const loaded = (await import(name)) as { default: Crypt };
    return loaded.default;
  } catch {
    return undefined;
  }
}
