import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Database, isDatabaseUnavailable } from '@app/database';
import { OAuthError } from '@app/oauth2';
import { OperatorAccess } from '@app/tokens';
import { RefreshSchedule, VaultHealth, type VaultHealthReport } from '@app/vault';

/**
 * What operators do with the vault (D27). mix's clients repeat a 5xx for ten minutes and understand only 500 (D2), so
 * that is said for one thing alone: the service is not available.
 */
@Injectable()
export class OperatedVault {
  constructor(
    private readonly operators: OperatorAccess,
    private readonly schedule: RefreshSchedule,
    private readonly health: VaultHealth,
    private readonly database: Database,
  ) {}

  /** Begins a sweep, or joins the one that runs, and does not wait for it. @throws OAuthError */
  async trigger(request: FastifyRequest): Promise<void> {
    await available(async () => {
      await this.operators.require(request);
      // A sweep that cannot even begin must not be called triggered.
      await this.database.query('SELECT 1');
    });
    this.schedule.trigger();
  }

  /** @throws OAuthError */
  async report(request: FastifyRequest): Promise<VaultHealthReport> {
    return available(async () => {
      await this.operators.require(request);
      return this.health.report();
    });
  }
}

async function available<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDatabaseUnavailable(error)) throw error;
    throw new OAuthError('server_error', 'The token refresh service is not available', { cause: error });
  }
}
