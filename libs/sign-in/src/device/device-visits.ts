import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { AuthorizationRequest } from '../authorization-request.js';

/** A person who gave the code of a device and is to sign in. */
export interface DeviceVisit {
  readonly asked: AuthorizationRequest;
  /** Hash of the browser's id (D10). */
  readonly browser: string;
}

const TICKET = /^[A-Za-z0-9_-]{43}$/;

/**
 * Visits of `/device` that wait for a sign-in, by ticket: random, as long as a login. A ticket may be used again, for
 * another provider too: what is decided once is the device's question.
 */
@Injectable()
export class DeviceVisits {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeMs = config.lifetimes.loginTransactionSeconds * 1000;
  }

  async save(visit: DeviceVisit): Promise<string> {
    const ticket = randomBytes(32).toString('base64url');
    await this.store.set(`device-visit:${ticket}`, JSON.stringify(visit), this.lifetimeMs);
    return ticket;
  }

  async find(ticket: string): Promise<DeviceVisit | undefined> {
    const stored = TICKET.test(ticket) ? await this.store.get(`device-visit:${ticket}`) : undefined;
    return stored === undefined ? undefined : (JSON.parse(stored) as DeviceVisit);
  }
}
