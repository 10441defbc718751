import { Injectable, Logger } from '@nestjs/common';
import { Refresher } from './refresher.js';
import { Spool } from './spool.js';

/** Brings home what processes that ended in the middle of a commit had received. */
@Injectable()
export class SpoolRecovery {
  private readonly logger = new Logger(SpoolRecovery.name);

  constructor(
    private readonly spool: Spool,
    private readonly refresher: Refresher,
  ) {}

  /**
   * Commits every leftover by compare and set, so that what is in force already, or overtaken, changes nothing.
   * @throws DatabaseUnavailable; the leftovers stay
   */
  async recover(): Promise<void> {
    for (const { file, answers } of this.spool.leftovers()) {
      const recovered = await Promise.all(answers.map((answer) => this.refresher.recover(answer)));
      const count = recovered.filter(Boolean).length;
      if (count > 0) this.logger.warn(`Recovered ${count} answers that an ended process had not committed`);
      this.spool.forget(file);
    }
  }

  close(): void {
    this.spool.close();
  }
}
