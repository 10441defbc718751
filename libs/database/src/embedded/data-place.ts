import { createHash } from 'node:crypto';
import {
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { EmbeddedPostgresError, type EmbeddedLog } from './embedded-error.js';
import { canEnter, findOperatingUser, type OperatingUser } from './operating-user.js';
import { isTrustedFolder, makeFolders, openFallbackFolder } from './trusted-folder.js';

/** Everything that belongs to one embedded server on disk. */
export interface DataPlace {
  /** The folder that was asked for, without symbolic links. */
  readonly asked: string;
  /** Holds the data, the lock and (where its name is short enough) the socket; not always `asked`. */
  readonly base: string;
  readonly user: OperatingUser | undefined;
  /** A folder that `user` reaches and only we write to, for what must be moved; undefined: there is none. */
  fallback(): string | undefined;
}

const SOCKET = '.s.PGSQL.5432';
/** Bytes of a path that the kernel takes (`sockaddr_un`, less its final NUL). */
const SOCKET_PATH_LIMIT = process.platform === 'linux' ? 107 : 103;
const SOCKET_PREFIX = 'gatehouse-socket-';

/** The cluster of a place; there is one as soon as it holds a PG_VERSION. */
export function clusterOf(base: string): string {
  return join(base, 'data');
}

function hasCluster(base: string): boolean {
  return existsSync(join(clusterOf(base), 'PG_VERSION'));
}

/**
 * Decides where the data of `dir` lives and who runs Postgres on it. Under root that user may be unable to walk to
 * `dir` (a 0700 home above it): then the data lives in a folder below `systemFolder`, which is reported.
 *
 * @throws EmbeddedPostgresError when there is data in `dir` that has become unreachable: starting with an empty
 *   database instead would look like data loss.
 */
export function findDataPlace(dir: string, systemFolder: string, log: EmbeddedLog): DataPlace {
  makeFolders(dir, process.getuid?.() === 0 ? 0o711 : 0o700);
  const asked = realpathSync(dir);
  const inPlace = findOperatingUser(clusterOf(asked));
  const fallback = (user: OperatingUser | undefined) =>
    user === undefined ? asked : openFallbackFolder(systemFolder, join(asked, 'fallback-folder'), user);
  const place = (base: string, user: OperatingUser | undefined): DataPlace => ({
    asked,
    base,
    user,
    fallback: () => fallback(user),
  });

  const reachable = canEnter(inPlace, asked);
  if (hasCluster(asked) && !reachable) {
    throw new EmbeddedPostgresError(
      `the data in ${asked} belongs to ${inPlace?.name}, who can no longer walk to it. Make the folders above it ` +
        'passable (chmod o+x), or move it, or set DATABASE_URL.',
    );
  }
  if (inPlace === undefined || hasCluster(asked)) return place(asked, inPlace);

  const moved = `data-${createHash('sha256').update(asked).digest('hex').slice(0, 16)}`;
  // Data that once moved stays where it is, also when its first place has become reachable since.
  const mayHaveMoved = existsSync(join(asked, 'fallback-folder')) || hasCluster(join(systemFolder, moved));
  const folder = reachable && !mayHaveMoved ? undefined : fallback(inPlace);
  const base = folder === undefined ? undefined : join(folder, moved);
  if (reachable && (base === undefined || !hasCluster(base))) return place(asked, inPlace);
  if (base === undefined) {
    throw new EmbeddedPostgresError(
      `user "${inPlace.name}", who runs Postgres for root, cannot walk to ${asked}, nor to another folder that only ` +
        'root writes to. Choose another GATEHOUSE_DATA_DIR, or set DATABASE_URL.',
    );
  }
  makeFolders(base, 0o711);
  if (!isTrustedFolder(base)) {
    throw new EmbeddedPostgresError(`${base} can be changed by other users and will not be used. Remove it.`);
  }
  const user = findOperatingUser(clusterOf(base)) ?? inPlace;
  log.warn(`Postgres data is in ${base}, because user "${user.name}" cannot reach ${asked}`);
  return place(base, user);
}

/** Makes a folder that belongs to the user alone. New ones only: nothing that somebody planted is handed over. */
export function makeOwnFolder(folder: string, user: OperatingUser | undefined): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
    if (user !== undefined) lchownSync(folder, user.uid, user.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const { uid, mode } = lstatSync(folder);
    if (!lstatSync(folder).isDirectory() || uid !== (user?.uid ?? process.getuid?.()) || (mode & 0o077) !== 0) {
      throw new EmbeddedPostgresError(`${folder} must be a folder that only its user can enter. Remove it.`, {
        cause: error,
      });
    }
  }
}

/**
 * The folder of the socket: inside the place, or with a short random name where the path would be too long. The random
 * one is written down, so that what a killed server left is removed by the next.
 */
export function openSocketFolder({ base, user }: DataPlace): { path: string; remove(): void } {
  const record = join(base, 'socket-folder');
  removeLeftSocket(record, user);
  const inside = join(base, 'socket');
  if (Buffer.byteLength(join(inside, SOCKET)) <= SOCKET_PATH_LIMIT) {
    makeOwnFolder(inside, user);
    return { path: inside, remove: () => {} };
  }
  const parent = Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp';
  const path = mkdtempSync(join(parent, SOCKET_PREFIX));
  writeFileSync(record, `${path}\n`, { mode: 0o600 });
  if (user !== undefined) lchownSync(path, user.uid, user.gid);
  return { path, remove: () => removeLeftSocket(record, user) };
}

/** Removes two known names and an empty folder, so that a forged record could not make root delete more. */
function removeLeftSocket(record: string, user: OperatingUser | undefined): void {
  if (!existsSync(record)) return;
  const folder = readFileSync(record, 'utf8').trim();
  const owner = lstatSync(folder, { throwIfNoEntry: false });
  const ours = owner?.isDirectory() && owner.uid === (user?.uid ?? process.getuid?.());
  if (ours && folder === resolve(folder) && basename(folder).startsWith(SOCKET_PREFIX)) {
    for (const name of [SOCKET, `${SOCKET}.lock`]) {
      if (existsSync(join(folder, name))) unlinkSync(join(folder, name));
    }
    rmdirSync(folder);
  }
  rmSync(record, { force: true });
}
