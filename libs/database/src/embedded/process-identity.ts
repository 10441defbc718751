import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * When the process began, in a form that is only good for comparing; undefined when there is none. Together with the
 * pid it names one process for good: a pid alone is given again to another process, soon so in a container.
 */
export function startTimeOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'lstart')?.replaceAll(/\W+/g, '_');
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // The second field is the program's name and may hold spaces and parentheses: count from behind the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? undefined : fields[19];
}

/**
 * Whether `pid` is a Postgres that serves `dataFolder`. Asks the kernel about the process itself (its program and its
 * working folder, which a postmaster sets to its data), because the pid file may be older than the process.
 */
export function isPostmasterOf(pid: number, dataFolder: string): boolean {
  if (process.platform !== 'linux') {
    const command = ps(pid, 'command') ?? '';
    return command.includes('postgres') && command.includes(`-D ${dataFolder}`);
  }
  if (startTimeOf(pid) === undefined) return false;
  try {
    // A reinstalled package leaves "…/postgres (deleted)" behind.
    const program = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
    return basename(program) === 'postgres' && readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataFolder);
  } catch {
    return false;
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function ps(pid: number, column: string): string | undefined {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}
