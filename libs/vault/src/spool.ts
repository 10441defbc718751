import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Leases } from './leases.js';
import type { SettledRefresh } from './settled-refresh.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

const SUFFIX = '.spool';
/** Beyond this the file is begun anew as soon as nothing in it is needed. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/**
 * Answers that are not committed yet, on this host's disk: a process that dies after the provider has answered, or while
 * the database is away, leaves them for the next start. Everything in it is sealed already. It is an addition to the
 * journal in the database, never needed for safety: without a disk nothing but those answers is lost.
 *
 * Written without fsync: it is to survive the end of a process, not of the machine.
 */
@Injectable()
export class Spool {
  private readonly logger = new Logger(Spool.name);
  private readonly dir: string | undefined;
  private readonly path: string | undefined;
  private file: number | undefined;
  private size = 0;
  private open = new Map<string, string>();
  private broken = false;

  constructor(@Inject(VAULT_SETTINGS) settings: VaultSettings, leases: Leases) {
    this.dir = settings.spoolDir;
    const name = Buffer.from(leases.owner).toString('base64url');
    this.path = this.dir === undefined ? undefined : join(this.dir, `${name}${SUFFIX}`);
  }

  /** Keeps an answer until {@link settled}. A disk that fails is reported once and done without. */
  keep(answer: SettledRefresh): void {
    if (this.path === undefined || this.broken) return;
    const line = `${JSON.stringify(encode(answer))}\n`;
    try {
      if (this.size > LARGEST_BYTES) this.compact();
      this.file ??= this.create(this.path);
      this.size += writeSync(this.file, line);
      this.open.set(keyOf(answer), line);
    } catch (error) {
      this.broken = true;
      this.logger.warn(
        `No answers are spooled in ${this.dir}: ${error instanceof Error ? error.message : 'unknown fault'}. ` +
          'A crash between an answer and its commit loses that answer.',
      );
    }
  }

  /** The answer is in the database, or of no use any more. */
  settled(answer: SettledRefresh): void {
    if (!this.open.delete(keyOf(answer)) || this.file === undefined || this.open.size > 0) return;
    try {
      ftruncateSync(this.file, 0);
      this.size = 0;
    } catch {
      this.broken = true;
    }
  }

  /** What processes that are gone have left. Committing it again is harmless, so nothing tells dead from living. */
  leftovers(): { readonly file: string; readonly answers: readonly SettledRefresh[] }[] {
    if (this.dir === undefined) return [];
    let names: string[];
    try {
      names = readdirSync(this.dir);
    } catch {
      return [];
    }
    return names
      .filter((name) => name.endsWith(SUFFIX) && join(this.dir ?? '', name) !== this.path)
      .map((name) => join(this.dir ?? '', name))
      .map((file) => ({ file, answers: answersIn(file) }));
  }

  /** Removes a leftover whose answers are all dealt with, unless its process may still be writing to it. */
  forget(file: string): void {
    try {
      if (mayBeWritten(file)) return;
      unlinkSync(file);
    } catch {
      // Another process was quicker.
    }
  }

  /** Closes the file, and removes it when nothing in it is needed. */
  close(): void {
    if (this.file === undefined || this.path === undefined) return;
    closeSync(this.file);
    this.file = undefined;
    if (this.open.size === 0) unlinkSync(this.path);
  }

  private create(path: string): number {
    mkdirSync(this.dir ?? '', { recursive: true, mode: 0o700 });
    return openSync(path, 'a', 0o600);
  }

  private compact(): void {
    if (this.file === undefined) return;
    ftruncateSync(this.file, 0);
    this.size = 0;
    for (const line of this.open.values()) this.size += writeSync(this.file, line);
  }
}

/** Processes of this host are asked; those of others count as ended after an hour without a word. */
function mayBeWritten(file: string): boolean {
  const [host, pid] = Buffer.from(basename(file, SUFFIX), 'base64url').toString().split(':');
  if (host !== hostname().slice(0, 40)) return Date.now() - statSync(file).mtimeMs < 3_600_000;
  // Our own id with another owner's name: a process of before had it.
  if (Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM';
  }
}

function keyOf(answer: SettledRefresh): string {
  return `${answer.connectionId}:${answer.epoch}`;
}

function encode(answer: SettledRefresh): object {
  const text = (bytes: Buffer) => bytes.toString('base64');
  const { accessToken, refreshToken, fingerprint } = answer;
  return {
    ...answer,
    accessToken: text(accessToken),
    refreshToken: text(refreshToken),
    fingerprint: text(fingerprint),
  };
}

/** A line that a crash cut short is passed over: its answer had not been read wholly either. */
function answersIn(file: string): SettledRefresh[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      const raw = JSON.parse(line) as SettledRefresh & Record<'accessToken' | 'refreshToken' | 'fingerprint', string>;
      const bytes = (value: unknown) => Buffer.from(String(value), 'base64');
      const { accessToken, refreshToken, fingerprint } = raw;
      return [
        { ...raw, accessToken: bytes(accessToken), refreshToken: bytes(refreshToken), fingerprint: bytes(fingerprint) },
      ];
    } catch {
      return [];
    }
  });
}
