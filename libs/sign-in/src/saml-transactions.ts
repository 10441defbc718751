import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import type { OAuthErrorCode } from '@app/oauth2';
import type { SamlIdentity } from '@app/saml';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { AuthorizationRequest } from './authorization-request.js';
import { SAML_TICKET_LIFETIME_MS } from './ticket-lifetime.js';

/** A login that went to a SAML provider: all that its answer must fit, so any instance may take it (D10, D23). */
export interface SamlTransaction {
  readonly providerId: string;
  /** Whom we asked, and as whom. */
  readonly idpEntityId: string;
  readonly entityId: string;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly begunAtMs: number;
  /** The person had to prove himself anew (D32). */
  readonly forced: 'forced' | 'as-needed';
  /** Authentication context classes that this login asked for, inside what the provider accepts (D32). */
  readonly contextClasses: readonly string[];
  /** Hash of the browser's id. */
  readonly browser: string;
  readonly request: AuthorizationRequest;
}

/** A refusal on its way from where it was made to where it is told. */
export interface CarriedRefusal {
  readonly code: OAuthErrorCode;
  readonly description: string;
  readonly status: number;
}

/**
 * What the assertion consumer service found. It cannot see the browser's cookie, so nothing comes of it before the
 * browser has come back by GET (D10). `reference` names the lines in log and audit that say more.
 */
export type SamlOutcome =
  | {
      readonly kind: 'identity';
      readonly transaction: SamlTransaction;
      readonly identity: SamlIdentity;
      readonly reference: string;
    }
  | {
      readonly kind: 'refused';
      readonly transaction: SamlTransaction;
      readonly refusal: CarriedRefusal;
      readonly reference: string;
    }
  | {
      /** Signed in at the IdP and sent here unasked: reason enough to ask, and no more (D36). */
      readonly kind: 'unsolicited';
      readonly providerId: string;
      readonly relayState: string | undefined;
      readonly reference: string;
    };

const OURS = /^[A-Za-z0-9_-]{43}$/;
const UNSOLICITED_MS = 60_000;

/** SAML logins in flight: by RelayState until the answer, then by ticket. Random, short-lived, taken once (R22). */
@Injectable()
export class SamlTransactions {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeMs = config.lifetimes.loginTransactionSeconds * 1000;
  }

  /** 256 random bits, in 43 of the 80 bytes that RelayState may have (bindings §3.5.3). */
  newRelayState(): string {
    return randomBytes(32).toString('base64url');
  }

  async save(relayState: string, transaction: SamlTransaction): Promise<void> {
    await this.store.set(`saml-login:${relayState}`, JSON.stringify(transaction), this.lifetimeMs);
  }

  /** Answers a login once; undefined when it is unknown, over or was taken. */
  async take(relayState: string): Promise<SamlTransaction | undefined> {
    if (!OURS.test(relayState)) return undefined;
    const stored = await this.store.take(`saml-login:${relayState}`);
    return stored === undefined ? undefined : (JSON.parse(stored) as SamlTransaction);
  }

  /** Undoes {@link take} for what is left of the login's time: an answer that is sent again and again prolongs nothing. */
  async putBack(relayState: string, transaction: SamlTransaction, now: Date): Promise<void> {
    const leftMs = transaction.begunAtMs + this.lifetimeMs - now.getTime();
    if (leftMs > 0) await this.store.set(`saml-login:${relayState}`, JSON.stringify(transaction), leftMs);
  }

  /** Keeps an outcome for the browser that will bring the ticket. */
  async issueTicket(outcome: SamlOutcome): Promise<string> {
    const ticket = randomBytes(32).toString('base64url');
    await this.store.set(`saml-outcome:${ticket}`, JSON.stringify(outcome), SAML_TICKET_LIFETIME_MS);
    return ticket;
  }

  async takeOutcome(ticket: string): Promise<SamlOutcome | undefined> {
    if (!OURS.test(ticket)) return undefined;
    const stored = await this.store.take(`saml-outcome:${ticket}`);
    if (stored === undefined) return undefined;
    const outcome = JSON.parse(stored) as SamlOutcome;
    return outcome.kind === 'identity' ? { ...outcome, identity: withDates(outcome.identity) } : outcome;
  }

  /** Whether this browser comes unasked for the first time within a minute: an IdP may send it round for ever (D36). */
  firstUnsolicited(browser: string): Promise<boolean> {
    return this.store.setIfAbsent(`saml-unsolicited:${browser}`, '1', UNSOLICITED_MS);
  }

  /** Whether a refusal of this kind is worth a row: strangers may send as many as the rate limit lets through. */
  firstRefusal(kind: string): Promise<boolean> {
    return this.store.setIfAbsent(`saml-refusal:${kind}`, '1', UNSOLICITED_MS);
  }
}

/** JSON has no dates. */
function withDates(identity: SamlIdentity): SamlIdentity {
  const { authnInstant, sessionNotOnOrAfter } = identity;
  return {
    ...identity,
    authnInstant: new Date(authnInstant),
    sessionNotOnOrAfter: sessionNotOnOrAfter === undefined ? undefined : new Date(sessionNotOnOrAfter),
  };
}
