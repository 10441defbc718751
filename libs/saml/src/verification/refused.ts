import { failed, passed, type CheckName, type Verdict } from '../verdict.js';

/** Thrown at the first check that fails; {@link judged} makes the verdicts of it. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(readonly verdict: Verdict) {
    super(`${verdict.check}: expected ${verdict.expected}, found ${verdict.found}`);
  }
}

/** What has been checked of one message so far. */
export class Verdicts {
  readonly list: Verdict[] = [];

  pass(check: CheckName, expected: string, found: string = expected): void {
    this.list.push(passed(check, expected, found));
  }

  require(check: CheckName, holds: boolean, expected: string, found: string): void {
    if (!holds) refuse(check, expected, found);
    this.pass(check, expected, found);
  }
}

export function refuse(check: CheckName, expected: string, found: string): never {
  throw new Refused(failed(check, expected, found));
}
