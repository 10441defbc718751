import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';

/** A program that runs beside the suite, with a folder of its own. */
export interface IdpProcess {
  printed(): string;
  hasEnded(): boolean;
  /** Ends it and what it started, and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a program as the leader of a process group, for it may fork workers. When the test process ends in any way, the
 * group ends too and the folder goes: Jest runs no `exit` handlers of test code.
 */
export function startIdpProcess(
  program: string,
  args: readonly string[],
  options: { readonly folder: string; readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): IdpProcess {
  const { folder, cwd, env } = options;
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const hear = (text: string): void => {
    printed = (printed + text).slice(-20_000);
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => hear(chunk.toString()));
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      hear(String(error));
      resolve();
    });
  });
  const dismiss = child.pid === undefined ? () => undefined : guard(child.pid, folder);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  return {
    printed: () => printed,
    hasEnded,
    stop: async () => {
      if (!hasEnded()) endGroup(child);
      await exited;
      dismiss();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function endGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}

/** Waits on a pipe that only the test process holds open. Answers how to send it away. */
function guard(pid: number, folder: string): () => void {
  const script = 'read -r _; kill -s KILL -- "-$1"; rm -rf "$2"';
  const args = ['-c', script, 'idp-guard', `${pid}`, folder];
  const watch = spawn('sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watch.unref();
  if (watch.stdin instanceof Socket) watch.stdin.unref();
  watch.on('error', () => undefined);
  return () => void watch.kill('SIGKILL');
}

/** Asks until it answers 200 or is gone. */
export async function untilItAnswers(url: string, idp: IdpProcess): Promise<void> {
  for (;;) {
    if (idp.hasEnded()) throw new Error(`the identity provider ended before it served:\n${idp.printed()}`);
    const answer = await fetch(url).catch(() => undefined);
    const text = await answer?.text();
    if (answer?.status === 200) return;
    if (answer !== undefined && answer.status >= 500)
      throw new Error(`${url} answered ${answer.status}:\n${text?.slice(0, 3_000)}\n${idp.printed()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
