import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AdapterPayload } from 'oidc-provider';

/** One record as it lies in the file; without a payload it was removed. `expiresAt` is left out for what never ends. */
interface Line {
  readonly key: string;
  readonly payload?: AdapterPayload;
  readonly expiresAt?: number;
}

/**
 * The records of the test identity provider in a file, so that tokens that it issued stay good when it is killed and
 * started again. Written at once and read at the start, one JSON line a change; a development tool has few of them.
 */
export class RecordJournal {
  private constructor(private readonly path: string) {}

  /** Opens the file, made where there is none, and writes it anew without what is over. */
  static open(path: string, now: number): { journal: RecordJournal; records: Map<string, Required<Line>> } {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const records = new Map<string, Required<Line>>();
    for (const { key, payload, expiresAt = Infinity } of linesOf(path)) {
      records.delete(key);
      if (payload !== undefined && expiresAt > now) records.set(key, { key, payload, expiresAt });
    }
    const text = [...records.values()].map((line) => `${JSON.stringify(line)}\n`).join('');
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return { journal: new RecordJournal(path), records };
  }

  put(key: string, payload: AdapterPayload, expiresAt: number): void {
    // JSON has no Infinity: it is left out.
    this.append({ key, payload, ...(expiresAt === Infinity ? {} : { expiresAt }) });
  }

  remove(key: string): void {
    this.append({ key });
  }

  private append(line: Line): void {
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}

/** A last line that was cut short by the end of the process counts as not written. */
function linesOf(path: string): Line[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return [JSON.parse(text) as Line];
      } catch {
        return [];
      }
    });
}
