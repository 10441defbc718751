import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { AuthorizationRequest } from '../authorization-request.js';

/** A person who is being asked. */
export interface ConsentRequest {
  readonly asked: AuthorizationRequest;
  /** The person's session here. */
  readonly sessionId: string;
  /** Hash of the browser's id (D10). */
  readonly browser: string;
}

const TICKET = /^[A-Za-z0-9_-]{43}$/;

/** Consents being asked for, by ticket: random, as long as a login, decided once (D10, R22). */
@Injectable()
export class ConsentRequests {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeMs = config.lifetimes.loginTransactionSeconds * 1000;
  }

  async save(consent: ConsentRequest): Promise<string> {
    const ticket = randomBytes(32).toString('base64url');
    await this.store.set(`consent:${ticket}`, JSON.stringify(consent), this.lifetimeMs);
    return ticket;
  }

  /** To be shown; the page may be loaded again. */
  async find(ticket: string): Promise<ConsentRequest | undefined> {
    return parsed(TICKET.test(ticket) ? await this.store.get(`consent:${ticket}`) : undefined);
  }

  /** To be decided: answers once. */
  async take(ticket: string): Promise<ConsentRequest | undefined> {
    return parsed(TICKET.test(ticket) ? await this.store.take(`consent:${ticket}`) : undefined);
  }
}

function parsed(stored: string | undefined): ConsentRequest | undefined {
  return stored === undefined ? undefined : (JSON.parse(stored) as ConsentRequest);
}
