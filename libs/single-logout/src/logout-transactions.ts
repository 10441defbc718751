import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { PostLogoutTarget } from '@app/tokens';

/** A session that has ended here and is to end at the identity provider. */
export interface BegunLogout {
  readonly sessionId: string;
  readonly target?: PostLogoutTarget | undefined;
}

/** A logout whose LogoutRequest the browser took to the identity provider. */
export interface LogoutTransaction extends BegunLogout {
  readonly providerId: string;
  readonly idpEntityId: string;
  readonly relayState: string;
  /** Hash of the browser's id (D10). */
  readonly browser: string;
}

/** What the identity provider said, for the browser that will fetch it. */
export interface LogoutOutcome {
  readonly transaction: LogoutTransaction;
  readonly outcome: 'complete' | 'partial' | 'failed';
}

const TICKET_MS = 2 * 60_000;
const OURS = /^[A-Za-z0-9_-]{43}$/;

/** Our own logouts on their way: ticket → LogoutRequest → answer → outcome. Random, short-lived, taken once (R22). */
@Injectable()
export class LogoutTransactions {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeMs = config.lifetimes.loginTransactionSeconds * 1000;
  }

  /** 256 random bits. */
  newRelayState(): string {
    return randomBytes(32).toString('base64url');
  }

  /** Good for two minutes (D52). */
  async issueTicket(begun: BegunLogout): Promise<string> {
    return this.put('ticket', begun);
  }

  async takeTicket(ticket: string): Promise<BegunLogout | undefined> {
    return this.takeOne<BegunLogout>('ticket', ticket);
  }

  /** @param requestId the ID of the LogoutRequest, which its answer names. */
  async save(requestId: string, transaction: LogoutTransaction): Promise<void> {
    await this.store.set(requestKey(requestId), JSON.stringify(transaction), this.lifetimeMs);
  }

  /** Reads without taking: whose keys an answer must be verified with, before it is known to be one. */
  async find(requestId: string): Promise<LogoutTransaction | undefined> {
    const stored = await this.store.get(requestKey(requestId));
    return stored === undefined ? undefined : (JSON.parse(stored) as LogoutTransaction);
  }

  /** True for the one answer that may end the transaction. */
  async close(requestId: string): Promise<boolean> {
    return (await this.store.take(requestKey(requestId))) !== undefined;
  }

  async issueOutcome(outcome: LogoutOutcome): Promise<string> {
    return this.put('outcome', outcome);
  }

  async takeOutcome(key: string): Promise<LogoutOutcome | undefined> {
    return this.takeOne<LogoutOutcome>('outcome', key);
  }

  private async put(kind: 'ticket' | 'outcome', value: object): Promise<string> {
    const key = randomBytes(32).toString('base64url');
    await this.store.set(`logout-${kind}:${key}`, JSON.stringify(value), TICKET_MS);
    return key;
  }

  private async takeOne<T>(kind: 'ticket' | 'outcome', key: string): Promise<T | undefined> {
    if (!OURS.test(key)) return undefined;
    const stored = await this.store.take(`logout-${kind}:${key}`);
    return stored === undefined ? undefined : (JSON.parse(stored) as T);
  }
}

/** An InResponseTo is a stranger's text of any length until it is found: it is looked for, never kept. */
function requestKey(requestId: string): string {
  return `logout-request:${requestId.slice(0, 200)}`;
}
