import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-error.js';

/** The user that root hands Postgres over to, because Postgres refuses to run as root. */
export interface OperatingUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who runs Postgres: undefined is the user that we are already. Under root it is the owner of data that exists (a
 * `postgres` account installed later must not lock us out of it), else `postgres`, else `nobody`.
 */
export function findOperatingUser(dataFolder: string): OperatingUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(join(dataFolder, 'PG_VERSION'), { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { name: `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  const user = findAccount('postgres') ?? findAccount('nobody');
  if (user === undefined) {
    throw new EmbeddedPostgresError(
      'it cannot run as root, and there is neither a "postgres" nor a "nobody" user. Start as another user, or set DATABASE_URL.',
    );
  }
  return user;
}

function findAccount(name: string): OperatingUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined || uid === '0'
    ? undefined
    : { name, uid: Number(uid), gid: Number(gid) };
}

/**
 * What every process that we start gets. The environment is bare: it would show this server's secrets to the other
 * user (`/proc/<pid>/environ`), and PGDATA, PGPORT and the like would steer Postgres elsewhere.
 */
export function spawnOptions(user: OperatingUser | undefined): {
  cwd: string;
  env: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
} {
  const options = { cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
  return user === undefined ? options : { ...options, uid: user.uid, gid: user.gid };
}

/** Whether the user can walk to the folder, asked of the kernel, which also knows access lists and mounts. */
export function canEnter(user: OperatingUser | undefined, folder: string): boolean {
  return testAs(user, 'cd -- "$1"', folder);
}

/** Whether the user can run Postgres from this folder of binaries. */
export function canRunFrom(user: OperatingUser | undefined, folder: string): boolean {
  const test = '[ -x "$1/bin/postgres" ] && [ -x "$1/bin/initdb" ] && [ -r "$1/share/postgresql/postgres.bki" ]';
  return testAs(user, test, folder);
}

function testAs(user: OperatingUser | undefined, script: string, folder: string): boolean {
  const { status, error } = spawnSync('/bin/sh', ['-c', script, 'sh', folder], {
    ...spawnOptions(user),
    stdio: 'ignore',
  });
  if (error !== undefined) {
    const who = user === undefined ? '' : ` as user "${user.name}"`;
    throw new EmbeddedPostgresError(`no process can be started${who} (${error.message}). Set DATABASE_URL instead.`, {
      cause: error,
    });
  }
  return status === 0;
}
