/** What `vault:reseal` was asked to do. */
export interface ResealOptions {
  readonly tokens: 'kept' | 'sealed_anew';
  /** Only organizations' keys of this age are replaced. */
  readonly olderThanHours: number;
  readonly run: 'dry' | 'real';
}

const USAGE = 'usage: gatehouse vault:reseal [--tokens [--older-than <hours>]] [--dry-run]';
/** So a run that was interrupted goes on instead of replacing what it has replaced already. */
const DEFAULT_HOURS = 24;

/** @throws Error with the usage */
export function resealOptions(args: readonly string[]): ResealOptions {
  let tokens: ResealOptions['tokens'] = 'kept';
  let run: ResealOptions['run'] = 'real';
  let hours: number | undefined;
  for (let at = 0; at < args.length; at += 1) {
    if (args[at] === '--tokens') tokens = 'sealed_anew';
    else if (args[at] === '--dry-run') run = 'dry';
    else if (args[at] === '--older-than' && /^\d{1,6}$/.test(args[at + 1] ?? '')) hours = Number(args[(at += 1)]);
    else throw new Error(USAGE);
  }
  if (hours !== undefined && tokens === 'kept') throw new Error(USAGE);
  return { tokens, olderThanHours: hours ?? DEFAULT_HOURS, run };
}
