import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { PostLogoutTarget } from './post-logout-target.js';

/** A person who is asked whether he wants to sign out. */
export interface LogoutQuestion {
  readonly sessionId: string;
  readonly target: PostLogoutTarget | undefined;
}

const TICKET = /^[A-Za-z0-9_-]{43}$/;

/** Logouts being asked about, by ticket: random, as long as a login, answered once (R22). */
@Injectable()
export class LogoutQuestions {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeMs = config.lifetimes.loginTransactionSeconds * 1000;
  }

  async save(question: LogoutQuestion): Promise<string> {
    const ticket = randomBytes(32).toString('base64url');
    await this.store.set(`logout-question:${ticket}`, JSON.stringify(question), this.lifetimeMs);
    return ticket;
  }

  async take(ticket: string): Promise<LogoutQuestion | undefined> {
    const stored = TICKET.test(ticket) ? await this.store.take(`logout-question:${ticket}`) : undefined;
    return stored === undefined ? undefined : (JSON.parse(stored) as LogoutQuestion);
  }
}
