import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { resealTable, SEALED_TABLES, SecretBox, type SealedTable } from '@app/keys';
import { DataKeyRetirement } from './data-key-retirement.js';
import { resealOptions, type ResealOptions } from './reseal-options.js';
import { TokenReseal } from './token-reseal.js';

/** Some rows could not be sealed anew; the message says which. Everything else was. */
export class ResealIncomplete extends Error {
  override readonly name = 'ResealIncomplete';
}

const MOST_NAMED = 20;

/** The command `vault:reseal`: everything sealed comes under the newest master key, and with `--tokens` under new data keys. */
@Injectable()
export class ResealCommand {
  constructor(
    private readonly box: SecretBox,
    @Inject(SEALED_TABLES) private readonly tables: readonly SealedTable[],
    private readonly retirement: DataKeyRetirement,
    private readonly tokens: TokenReseal,
  ) {}

  /**
   * @param args what follows the command's name
   * @param say takes each line of progress
   * @returns the last words; @throws Error with the usage; ResealIncomplete
   */
  async run(args: readonly string[], say: (line: string) => void): Promise<string> {
    const options = resealOptions(args);
    say(`Newest master key: "${this.box.newestKeyId}"`);
    if (options.run === 'dry') return this.foretell(options);
    const broken = await this.resealTables(say);
    if (options.tokens === 'sealed_anew') broken.push(...(await this.resealTokens(options, say)));
    const summary = await this.summary();
    if (broken.length === 0) return summary;
    const named = broken.slice(0, MOST_NAMED).map((one) => `  ${one}`);
    throw new ResealIncomplete(
      [`${broken.length} secrets do not open and were left as they are:`, ...named, summary].join('\n'),
    );
  }

  private async resealTables(say: (line: string) => void): Promise<string[]> {
    const broken: string[] = [];
    for (const table of this.tables) {
      const done = await resealTable(this.box, table, (count) => say(`${table.name}: ${count} sealed anew`));
      const others = done.passed === 0 ? '' : `, ${done.passed} changed meanwhile`;
      say(`${table.name}: done, ${done.resealed} sealed anew${others}`);
      broken.push(...done.broken);
    }
    return broken;
  }

  private async resealTokens(options: ResealOptions, say: (line: string) => void): Promise<string[]> {
    const before = await this.retirement.hoursAgo(options.olderThanHours);
    const replaced = await this.retirement.replaceMadeBefore(before, (count) => say(`data keys: ${count} replaced`));
    say(`data keys: done, ${replaced} replaced that were older than ${options.olderThanHours} h`);
    const total = await this.tokens.count();
    const started = performance.now();
    const { resealed, broken, busy } = await this.tokens.run((count) =>
      say(`connections: ${count} of ${total} sealed anew, ${perSecond(count, performance.now() - started)} a second`),
    );
    say(
      `connections: done, ${resealed} sealed anew${busy === 0 ? '' : `, ${busy} were busy: the schedule seals them within the hour`}`,
    );
    const removed = await this.retirement.removeUnneeded();
    say(`data keys: ${removed} removed that were retired a day ago and that nothing needs`);
    return broken.map((id) => `connection ${id}`);
  }

  private async foretell({ tokens, olderThanHours }: ResealOptions): Promise<string> {
    const lines: string[] = [];
    for (const table of this.tables) {
      const needs = await table.needs();
      const rows = [...needs].filter(([id]) => id !== this.box.newestKeyId).reduce((sum, [, count]) => sum + count, 0);
      lines.push(`${table.name}: ${rows} would be sealed anew`);
    }
    if (tokens === 'sealed_anew') {
      const outdated = await this.retirement.countMadeBefore(await this.retirement.hoursAgo(olderThanHours));
      lines.push(
        `data keys: ${outdated} would be replaced, and their connections sealed anew`,
        `connections: ${await this.tokens.count()} are under retired keys and would be sealed anew`,
      );
    }
    return [...lines, 'Nothing was changed.'].join('\n');
  }

  /** Which of the configured master keys may go. */
  private async summary(): Promise<string> {
    const needs = await Promise.all(this.tables.map((table) => table.needs()));
    const needed = (id: string) => needs.reduce((sum, ids) => sum + (ids.get(id) ?? 0), 0);
    const lines = this.box.keyIds
      .filter((id) => id !== this.box.newestKeyId)
      .map((id) =>
        needed(id) === 0
          ? `Master key "${id}" is no longer needed: take it out of GATEHOUSE_MASTER_KEYS on every instance, once all have "${this.box.newestKeyId}" in front.`
          : `Master key "${id}" is still needed by ${needed(id)} rows: some process seals with it. Put "${this.box.newestKeyId}" in front everywhere and run this again.`,
      );
    return ['Everything sealed was looked at.', ...lines].join('\n');
  }
}

function perSecond(count: number, ms: number): number {
  return Math.round(count / Math.max(ms / 1000, 0.001));
}
