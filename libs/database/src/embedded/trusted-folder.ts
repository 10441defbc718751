import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { canEnter, type OperatingUser } from './operating-user.js';

const TEMPORARY_PREFIX = 'gatehouse-postgres-';
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Whether only we (and root) can put something else where `folder` is: it is a real folder of ours that others cannot
 * write to, and so is every folder above it; a sticky one (`/tmp`) will do there, as it keeps others from renaming.
 */
export function isTrustedFolder(folder: string): boolean {
  const us = process.getuid?.();
  const own = lstatSync(folder, { throwIfNoEntry: false });
  if (!own?.isDirectory() || own.uid !== us || (own.mode & OTHERS_MAY_WRITE) !== 0) return false;
  for (let above = dirname(realpathSync(folder)); ; above = dirname(above)) {
    const { uid, mode } = lstatSync(above);
    if (uid !== 0 && uid !== us) return false;
    if ((mode & OTHERS_MAY_WRITE) !== 0 && (mode & STICKY) === 0) return false;
    if (above === dirname(above)) return true;
  }
}

/**
 * A folder of root's that `user` can walk to and nobody else can have planted: `systemFolder`, or where that cannot be
 * had a new one with a random name, written down in `recordFile` so that the next start finds it again.
 *
 * Returns undefined where the machine offers neither.
 */
export function openFallbackFolder(
  systemFolder: string,
  recordFile: string,
  user: OperatingUser | undefined,
): string | undefined {
  const recorded = readRecord(recordFile);
  if (recorded !== undefined && canEnter(user, recorded)) return recorded;
  try {
    makeFolders(systemFolder, 0o755);
    if (isTrustedFolder(systemFolder) && canEnter(user, systemFolder)) return systemFolder;
  } catch {
    // A read-only system: the random folder below serves.
  }
  const random = mkdtempSync(join(tmpdir(), TEMPORARY_PREFIX));
  chmodSync(random, 0o711);
  if (!isTrustedFolder(random) || !canEnter(user, random)) {
    rmdirSync(random);
    return undefined;
  }
  writeFileSync(recordFile, `${random}\n`, { mode: 0o600 });
  return random;
}

/** The record is believed only if we wrote it, and its folder only if it is still the one that we made. */
function readRecord(recordFile: string): string | undefined {
  const record = lstatSync(recordFile, { throwIfNoEntry: false });
  if (!record?.isFile() || record.uid !== process.getuid?.() || (record.mode & OTHERS_MAY_WRITE) !== 0)
    return undefined;
  const folder = readFileSync(recordFile, 'utf8').trim();
  if (folder !== resolve(folder) || !basename(folder).startsWith(TEMPORARY_PREFIX)) return undefined;
  return isTrustedFolder(folder) ? folder : undefined;
}

/** Makes the folder and those above it; new ones get exactly this mode, whatever the umask, old ones keep theirs. */
export function makeFolders(folder: string, mode: number): void {
  const first = mkdirSync(folder, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= resolve(first).length; made = dirname(made)) chmodSync(made, mode);
}
