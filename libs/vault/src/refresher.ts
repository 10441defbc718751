import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { isDatabaseUnavailable } from '@app/database';
import { UpstreamTokenEndpoints, type RefreshAnswer } from '@app/upstream-tokens';
import type { ClaimedConnection } from './claimed-connection.js';
import { AT_FAIL_POINT, type AtFailPoint } from './fail-points.js';
import { FailedRefreshes } from './failed-refreshes.js';
import { failureOf, mayReplay, notOpened, notReplayed, notSent, type Failure } from './failure-policy.js';
import { Journal } from './journal.js';
import { Leases } from './leases.js';
import { ProviderBreakers } from './provider-breakers.js';
import { RefreshCommits } from './refresh-commits.js';
import type { RefreshEnd } from './refresh-end.js';
import { RefreshCounts } from './refresh-counts.js';
import { refreshDelay } from './refresh-time.js';
import type { Committed, SettledRefresh } from './settled-refresh.js';
import { Spool } from './spool.js';
import { TokenSeal } from './token-seal.js';
import { untilDatabase } from './until-database.js';

type Refreshed = Extract<RefreshAnswer, { kind: 'refreshed' }>;

/**
 * The one refresh, for the schedule and for callers alike (token-vault.md §2): intent → request → commit, with no
 * connection to the database held while the provider takes its time.
 */
@Injectable()
export class Refresher {
  private readonly logger = new Logger(Refresher.name);

  constructor(
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly seal: TokenSeal,
    private readonly journal: Journal,
    private readonly commits: RefreshCommits,
    private readonly failed: FailedRefreshes,
    private readonly breakers: ProviderBreakers,
    private readonly spool: Spool,
    private readonly leases: Leases,
    private readonly counts: RefreshCounts,
    @Inject(AT_FAIL_POINT) private readonly at: AtFailPoint,
  ) {}

  /**
   * Refreshes a claimed connection. Resolves when the outcome is durable: while the database is away it keeps trying to
   * commit, and says nothing.
   *
   * A request that was sent is never given up before its time-out, also where the lease could not be held: the provider
   * may have used the token up, and its answer is then the only good one. The commit says whether it still counts.
   *
   * @throws Error only when the claim could not even be begun (the database is away): nothing
   *   was sent then.
   */
  async refresh(connection: ClaimedConnection): Promise<RefreshEnd> {
    this.at('claimed', connection.connectionId);
    const traits = this.endpoints.describe(connection.providerId);
    if (traits === undefined) throw new Error(`provider ${connection.providerId} is not configured any more`);
    if (connection.unresolved && !mayReplay(connection, traits.reuse)) return this.fail(connection, notReplayed());
    const refreshToken = await this.opened(connection);
    if (refreshToken === undefined) return this.fail(connection, notOpened(connection, Math.random()));
    const fingerprint = await this.seal.fingerprint(connection, connection.dataKeyId, refreshToken);
    // The answer is sealed and spooled without the database, which may be gone by then.
    await this.seal.prepare(connection.organizationId);
    const intendedAt = performance.now();
    if (!(await this.journal.intend(connection, fingerprint))) return { kind: 'superseded' };
    this.at('intended', connection.connectionId);
    const sentAt = performance.now();
    const tooLate = new AbortController();
    const answer = await this.endpoints.refresh(connection.providerId, refreshToken, {
      scope: connection.scope,
      metadata: connection.metadata,
      signal: tooLate.signal,
      onWritten: () => {
        this.at('sent', connection.connectionId);
        // A process that slept since its intent (SIGSTOP, a suspended machine) may find that another has replayed it;
        // outside of a grace window that reuse would end the family (RFC 9700 §4.14.2). Where nobody replays it is the
        // first request still, and the only one that can save the connection.
        if (traits.reuse !== 'single_use' && this.leases.mayBeOver(intendedAt)) tooLate.abort();
      },
    });
    if (tooLate.signal.aborted) {
      await this.fail(connection, notSent(connection));
      return { kind: 'superseded' };
    }
    this.counts.answered(connection.providerId, answer.kind, performance.now() - sentAt);
    this.at('answered', connection.connectionId);
    const end =
      answer.kind === 'refreshed'
        ? await this.succeed(connection, answer, refreshToken, fingerprint, performance.now() - sentAt)
        : await this.fail(connection, failureOf(connection, answer, traits.reuse, Math.random()), answer.detail);
    await this.breakers
      .heard(connection, answer, performance.now() - sentAt)
      .catch((error: unknown) => this.unheard(error));
    return end;
  }

  /** Commits what a process that is gone had received; false: the connection had gone on without it. */
  async recover(answer: SettledRefresh): Promise<boolean> {
    const committed = await this.commits.commit(answer);
    if (committed === undefined) return false;
    this.logger.warn(
      `${answer.connectionId}: an answer that an ended process had received was recovered from the spool`,
    );
    return true;
  }

  /** Undefined: it does not open, which the log has as an error; the database being away is thrown. */
  private async opened(connection: ClaimedConnection): Promise<string | undefined> {
    try {
      return await this.seal.open(connection, connection.dataKeyId, 'refresh_token', connection.refreshToken);
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      this.logger.error(
        `${connection.connectionId} cannot be refreshed: ${error instanceof Error ? error.message : 'unknown fault'}`,
      );
      return undefined;
    }
  }

  private async succeed(
    connection: ClaimedConnection,
    { tokens, status }: Refreshed,
    sentToken: string,
    fingerprint: Buffer,
    elapsedMs: number,
  ): Promise<RefreshEnd> {
    const place = { ...connection, generation: connection.generation + 1n };
    // An answer without a refresh token leaves the one that was sent in force (RFC 6749 §6).
    const refreshToken = tokens.refreshToken ?? sentToken;
    const sealed = await this.seal.seal(place, { accessToken: tokens.accessToken, refreshToken });
    const accessMs = milliseconds(tokens.expiresInSeconds);
    const refreshMs = milliseconds(tokens.refreshExpiresInSeconds);
    const traits = this.endpoints.describe(connection.providerId);
    const settled: SettledRefresh = {
      connectionId: connection.connectionId,
      organizationId: connection.organizationId,
      providerId: connection.providerId,
      generation: String(connection.generation),
      epoch: String(connection.epoch),
      owner: this.leases.owner,
      dataKeyId: sealed.dataKeyId,
      accessToken: sealed.accessToken,
      refreshToken: sealed.refreshToken ?? Buffer.alloc(0),
      tokenType: tokens.tokenType,
      scope: tokens.scope,
      metadata: tokens.metadata,
      issuedAtHostMs: Date.now() - elapsedMs,
      accessMs,
      refreshMs,
      nextMs: refreshDelay({
        connectionId: connection.connectionId,
        accessMs,
        refreshMs,
        maxIdleMs: milliseconds(traits?.maxIdleSeconds),
        marginMs: milliseconds(traits?.refreshMarginSeconds),
      }),
      httpStatus: status,
      fingerprint,
    };
    this.spool.keep(settled);
    this.at('spooled', connection.connectionId);
    const committed = await untilDatabase(
      () => this.commits.commit(settled),
      (waitedMs) => this.waiting(connection, waitedMs),
    );
    this.spool.settled(settled);
    this.at('committed', connection.connectionId);
    return this.told(connection, tokens, committed);
  }

  private told(
    connection: ClaimedConnection,
    tokens: Refreshed['tokens'],
    committed: Committed | undefined,
  ): RefreshEnd {
    if (committed === undefined) {
      this.counts.discarded(connection.providerId);
      void this.giveBackIfDeleted(connection, tokens);
      this.logger.warn(
        `${connection.connectionId}: the connection went on without generation ${connection.generation + 1n}`,
      );
      return { kind: 'superseded' };
    }
    this.counts.committed(connection.providerId, connection.latenessMs);
    if (!committed.inTime)
      this.logger.warn(
        `${connection.connectionId}: committed after its lease had ended; nobody had used the token since`,
      );
    return {
      kind: 'refreshed',
      generation: committed.generation,
      accessToken: tokens.accessToken,
      tokenType: tokens.tokenType,
      scope: tokens.scope ?? connection.scope,
      expiresAt: committed.expiresAt,
    };
  }

  /** As well as it can be done: whoever deleted the connection gave back only what it held then. */
  private async giveBackIfDeleted(connection: ClaimedConnection, tokens: Refreshed['tokens']): Promise<void> {
    try {
      if (await this.commits.isDeleted(connection.connectionId))
        await this.endpoints.revoke(connection.providerId, tokens);
    } catch (error) {
      if (!isDatabaseUnavailable(error))
        this.logger.warn(`${connection.connectionId}: its last tokens were not given back`);
    }
  }

  private async fail(connection: ClaimedConnection, failure: Failure, detail?: string): Promise<RefreshEnd> {
    const ours = await untilDatabase(
      () => this.failed.record(connection, failure),
      (waitedMs) => this.waiting(connection, waitedMs),
    );
    if (!ours) return { kind: 'superseded' };
    const words = detail === undefined ? failure.code : `${failure.code}: ${detail}`;
    if (failure.reason === undefined) {
      this.logger.debug(`${connection.connectionId} of ${connection.providerId} was not refreshed (${words})`);
      return { kind: 'failed', code: failure.code, retryInMs: failure.retryInMs };
    }
    this.counts.died(connection.providerId, failure.reason);
    this.logger.warn(
      `${connection.connectionId} of ${connection.providerId} needs its person again: ${failure.reason} (${words})`,
    );
    return { kind: 'dead', reason: failure.reason, code: failure.code };
  }

  private waiting(connection: ClaimedConnection, waitedMs: number): void {
    this.logger.error(
      `${connection.connectionId}: the outcome of its refresh waits for the database since ${Math.round(waitedMs / 1000)} s`,
    );
  }

  private unheard(error: unknown): void {
    if (!isDatabaseUnavailable(error)) throw error;
  }
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
