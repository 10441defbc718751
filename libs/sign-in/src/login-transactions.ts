import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import type { UpstreamTransaction } from '@app/oauth-providers';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { AuthorizationRequest } from './authorization-request.js';

/** A login that went upstream and has not come back. Everything its end needs is here, so any instance may end it. */
export interface LoginTransaction {
  readonly providerId: string;
  /** The address that we gave the provider to send the browser back to (D35). */
  readonly upstreamRedirectUri: string;
  readonly upstream: UpstreamTransaction;
  /** Hash of the browser's id (D10). */
  readonly browser: string;
  readonly request: AuthorizationRequest;
}

const STATE = /^[A-Za-z0-9_-]{43}$/;

/** Logins in flight, by upstream `state`: random, ten minutes, taken once (D10, R22). */
@Injectable()
export class LoginTransactions {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeMs = config.lifetimes.loginTransactionSeconds * 1000;
  }

  /** 256 random bits. */
  newState(): string {
    return randomBytes(32).toString('base64url');
  }

  async save(state: string, transaction: LoginTransaction): Promise<void> {
    await this.store.set(`login:${state}`, JSON.stringify(transaction), this.lifetimeMs);
  }

  /** Answers a login once; undefined when it is unknown, over or was taken. */
  async take(state: string): Promise<LoginTransaction | undefined> {
    if (!STATE.test(state)) return undefined;
    const stored = await this.store.take(`login:${state}`);
    return stored === undefined ? undefined : (JSON.parse(stored) as LoginTransaction);
  }
}
