import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import type { UpstreamTransaction } from '@app/oauth-providers';
import type { PastCaller } from '@app/organizations';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';

/** What somebody wants connected (D47). The wish was checked when he asked. */
export interface ConnectOrder {
  /** Who asked, and for which organization: asked about again at every step, for ten minutes are long (R11, R23). */
  readonly by: PastCaller;
  readonly organizationName: string;
  readonly providerId: string;
  readonly scopes: readonly string[];
  readonly redirectUrl: string | undefined;
  /** Connect this one again; undefined: make another. */
  readonly connectionId: string | undefined;
  /** The upstream `state`, which whoever ordered knows too: a correlation, and no proof of anything by itself. */
  readonly state: string;
}

/** An order whose person has agreed and was sent upstream. */
export interface ConnectTransaction {
  readonly order: ConnectOrder;
  readonly upstreamRedirectUri: string;
  readonly upstream: UpstreamTransaction;
  /** Hash of the browser's id (D10). */
  readonly browser: string;
}

/** Of every upstream `state` of this room; base64url has no full stop, so no login's begins so. */
export const STATE_PREFIX = 'connect.';
const RANDOM = /^[A-Za-z0-9_-]{43}$/;

/** Orders by ticket and transactions by state: random, ten minutes, taken once (D10, D47, R22). */
@Injectable()
export class ConnectTickets {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeMs = config.lifetimes.loginTransactionSeconds * 1000;
  }

  newState(): string {
    return STATE_PREFIX + random();
  }

  /** Answers the ticket. */
  async issue(order: ConnectOrder): Promise<string> {
    const ticket = random();
    await this.store.set(`connect:${ticket}`, JSON.stringify(order), this.lifetimeMs);
    return ticket;
  }

  /** The same ticket for whoever asks again while it is open, so that callers who poll do not fill the store. */
  async issueFor(key: string, order: () => Promise<ConnectOrder>): Promise<string> {
    const known = await this.store.get(`connect-again:${key}`);
    if (known !== undefined && (await this.find(known)) !== undefined) return known;
    const ticket = await this.issue(await order());
    // Half of its life: whoever is told last still has the other half.
    await this.store.set(`connect-again:${key}`, ticket, Math.ceil(this.lifetimeMs / 2));
    return ticket;
  }

  /** Looking does not use the ticket up: browsers and chat programs look before people do. */
  async find(ticket: string): Promise<ConnectOrder | undefined> {
    if (!RANDOM.test(ticket)) return undefined;
    const stored = await this.store.get(`connect:${ticket}`);
    return stored === undefined ? undefined : (JSON.parse(stored) as ConnectOrder);
  }

  /** True for the one caller that used the ticket up. */
  async redeem(ticket: string): Promise<boolean> {
    return RANDOM.test(ticket) && (await this.store.take(`connect:${ticket}`)) !== undefined;
  }

  async save(transaction: ConnectTransaction): Promise<void> {
    await this.store.set(`connecting:${transaction.order.state}`, JSON.stringify(transaction), this.lifetimeMs);
  }

  async take(state: string): Promise<ConnectTransaction | undefined> {
    if (!state.startsWith(STATE_PREFIX) || !RANDOM.test(state.slice(STATE_PREFIX.length))) return undefined;
    const stored = await this.store.take(`connecting:${state}`);
    return stored === undefined ? undefined : (JSON.parse(stored) as ConnectTransaction);
  }
}

/** 256 bits. */
function random(): string {
  return randomBytes(32).toString('base64url');
}
