import { Injectable, Logger } from '@nestjs/common';
import { isDatabaseUnavailable } from '@app/database';
import { DataKeys } from './data-keys.js';
import { Refresher } from './refresher.js';
import type { SettledRefresh } from './settled-refresh.js';
import { Spool } from './spool.js';

/** Brings home what processes that ended in the middle of a commit had received. */
@Injectable()
export class SpoolRecovery {
  private readonly logger = new Logger(SpoolRecovery.name);

  constructor(
    private readonly spool: Spool,
    private readonly refresher: Refresher,
    private readonly keys: DataKeys,
  ) {}

  /**
   * Commits every leftover by compare and set, so that what is in force already, or overtaken, changes nothing.
   * @throws DatabaseUnavailable; the leftovers stay
   */
  async recover(): Promise<void> {
    for (const { file, answers } of this.spool.leftovers()) {
      const recovered = await Promise.all(
        answers.map(async (answer) => (await this.opens(answer)) && this.commit(answer)),
      );
      const count = recovered.filter(Boolean).length;
      if (count > 0) this.logger.warn(`Recovered ${count} answers that an ended process had not committed`);
      this.spool.forget(file);
    }
  }

  /** False: the connection had gone on, or this one answer cannot be stored, which must not hold up the others. */
  private async commit(answer: SettledRefresh): Promise<boolean> {
    try {
      return await this.refresher.recover(answer);
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      const words = error instanceof Error ? error.message : 'unknown fault';
      this.logger.error(
        `${answer.connectionId}: an answer in the spool is lost, because it cannot be stored: ${words}`,
      );
      return false;
    }
  }

  /** False: its data key was removed, a day or longer after it was replaced; one such answer must not hold up the others. */
  private async opens({ connectionId, organizationId, dataKeyId }: SettledRefresh): Promise<boolean> {
    try {
      await this.keys.byIdOf(organizationId, dataKeyId);
      return true;
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      this.logger.error(`${connectionId}: an answer in the spool is lost, because its data key is not there any more`);
      return false;
    }
  }

  close(): void {
    this.spool.close();
  }
}
