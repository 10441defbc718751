import { createHash, randomBytes } from 'node:crypto';
import { constants, existsSync, linkSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { Secret, type MasterKey } from '@app/config';

const KEY_BYTES = 32;
const OWNER_ONLY = 0o600;
const NOT_THE_OWNER = 0o077;

/**
 * The generated master key of development, `{dataDir}/master-key` (D63): 32 bytes in base64url, mode 0600. Processes
 * that start together agree on one. Its id is derived from its bytes, so a replaced file is reported as an unknown
 * master key and not as damage.
 *
 * @param warn told when the file was open to others and was closed again.
 * @throws Error naming the file and the fix when it is not a plain file, cannot be closed to others, or is damaged.
 */
export async function loadOrCreateMasterKey(dataDir: string, warn: (message: string) => void): Promise<MasterKey> {
  const file = path.resolve(dataDir, 'master-key');
  mkdirSync(path.dirname(file), { recursive: true });
  if (!existsSync(file)) createOnce(file);
  const text = await readPrivately(file, warn);
  const key = Buffer.from(text, 'base64url');
  if (key.length !== KEY_BYTES || key.toString('base64url') !== text) {
    throw new Error(
      `${file} is not a master key (32 bytes in base64url). Restore it from a copy; without one, delete it together ` +
        'with the development database, whose secrets it sealed.',
    );
  }
  const id = `dev-${createHash('sha256').update('gatehouse master key id').update(key).digest('hex').slice(0, 12)}`;
  return { id, key: new Secret(key) };
}

/** Written whole under a name of its own, then linked: link(2) fails if the name exists, and nobody reads half a key. */
function createOnce(file: string): void {
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(KEY_BYTES).toString('base64url')}\n`, {
    flag: 'wx',
    mode: OWNER_ONLY,
    flush: true,
  });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

async function readPrivately(file: string, warn: (message: string) => void): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch((error: unknown) => {
    throw new Error(`${file} cannot be opened as a plain file: it must belong to the user that runs Gatehouse.`, {
      cause: error,
    });
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error(`${file} must be a plain file.`);
    // Windows has no such bits: there the folder's access list decides.
    if (process.platform !== 'win32' && (stat.mode & NOT_THE_OWNER) !== 0) {
      await handle.chmod(OWNER_ONLY).catch((error: unknown) => {
        throw new Error(`${file} can be read by others: make it yours with mode 0600.`, { cause: error });
      });
      const was = (stat.mode & 0o777).toString(8).padStart(4, '0');
      warn(`${file} had mode ${was} and was set to 0600; if others use this machine, replace the key.`);
    }
    return (await handle.readFile('utf8')).trim();
  } finally {
    await handle.close();
  }
}
