import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken, verifierMatches } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';

/** What a code of ours stands for (D6). */
export interface CodeGrant {
  readonly sessionId: string;
  readonly clientId: string;
  /** The target, where the authorization request named one; the token request must repeat it (D7, RFC 6749 §4.1.3). */
  readonly redirectUri: string | undefined;
  /** Undefined where a confidential application sent none (D9). */
  readonly codeChallenge: string | undefined;
  readonly scopes: readonly string[];
  readonly nonce: string | undefined;
  /** What the tokens are for beside this server (RFC 8707). */
  readonly resource: string | undefined;
  /** An application must name itself to redeem it; a first-party client need not (RFC 6749 §4.1.3). */
  readonly party: 'first' | 'application';
  /** Thumbprint of the one key that may redeem it (RFC 9449 §10). */
  readonly dpopJkt?: string | undefined;
}

export interface CodePresentation {
  readonly code: string;
  readonly codeVerifier: string | undefined;
  readonly redirectUri: string | undefined;
  readonly clientId: string | undefined;
  /** Of the key that the token request proves. */
  readonly dpopKey?: string | undefined;
}

/** `replayed` carries the session to end: the right client repeated a used code, well after its first use (D6). */
export type Redemption =
  | { readonly kind: 'granted'; readonly grant: CodeGrant }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'replayed'; readonly sessionId: string };

/** What the store keeps under a code: what it stands for and, from its use on, when that was. */
export interface HeldCode extends CodeGrant {
  readonly firstUsedAtMs?: number;
}

const TOMBSTONE_MS = 10 * 60_000;
/** A repeat within this time may be an honest client's own retry and revokes nothing (D6). */
const HONEST_RETRY_MS = 10_000;

/**
 * Our own authorization codes: 60 seconds, bound to challenge, client, target and `dpop_jkt`, taken once (D6, RFC 6749 §4.1.2).
 * A wrong verifier or client does not use a code up: only its rightful owner can.
 */
@Injectable()
export class AuthorizationCodes {
  private readonly lifetimeMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.lifetimeMs = config.lifetimes.authorizationCodeSeconds * 1000;
  }

  async issue(grant: CodeGrant): Promise<string> {
    const code = mintOpaqueToken('ac');
    await this.store.set(keyOf(code), JSON.stringify(grant), this.lifetimeMs);
    return code;
  }

  /**
   * What is kept under a code, for {@link redeem}; uses nothing up. Can be asked for while it is not yet known who presents
   * it, so that the question travels with those about him.
   * @throws StoreUnavailable
   */
  async look(code: string): Promise<HeldCode | undefined> {
    return isOpaqueToken(code, 'ac') ? parsed(await this.store.get(keyOf(code))) : undefined;
  }

  /**
   * Redeems a code. Of any number of concurrent callers one is granted (R22): whoever finds it unused where he puts down
   * that it is used.
   * @throws StoreUnavailable
   */
  async redeem(presented: CodePresentation, looked = this.look(presented.code)): Promise<Redemption> {
    const held = await looked;
    if (held === undefined) return refused('the code is unknown or expired');
    const fault = mismatch(held, presented);
    if (fault !== undefined) return refused(fault);
    if (held.firstUsedAtMs !== undefined) return this.replayed(held, held.firstUsedAtMs);
    const used: HeldCode = { ...held, firstUsedAtMs: this.clock().getTime() };
    const former = parsed(await this.store.exchange(keyOf(presented.code), JSON.stringify(used), TOMBSTONE_MS));
    if (former === undefined) return refused('the code expired meanwhile');
    if (former.firstUsedAtMs !== undefined) return this.replayed(former, former.firstUsedAtMs);
    return { kind: 'granted', grant: held };
  }

  private replayed({ sessionId }: HeldCode, firstUsedAtMs: number): Redemption {
    const late = this.clock().getTime() - firstUsedAtMs > HONEST_RETRY_MS;
    return late ? { kind: 'replayed', sessionId } : refused('the code was used already');
  }
}

function parsed(text: string | undefined): HeldCode | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as HeldCode);
}

function mismatch(grant: CodeGrant, presented: CodePresentation): string | undefined {
  if (presented.clientId === undefined ? grant.party === 'application' : presented.clientId !== grant.clientId)
    return 'the code was issued to another client';
  if (grant.redirectUri !== undefined && presented.redirectUri !== grant.redirectUri)
    return 'redirect_uri is not the one of the authorization request (RFC 6749 §4.1.3)';
  if (grant.dpopJkt !== undefined && presented.dpopKey !== grant.dpopJkt)
    return 'the request does not prove the key of dpop_jkt (RFC 9449 §10)';
  return verifierFault(presented.codeVerifier, grant.codeChallenge);
}

/** RFC 7636 §4.6; a verifier without a challenge means that somebody took the challenge away (RFC 9700 §2.1.1, D9). */
function verifierFault(verifier: string | undefined, challenge: string | undefined): string | undefined {
  if (challenge === undefined) return verifier === undefined ? undefined : 'a code_verifier without a code_challenge';
  return verifier !== undefined && verifierMatches(verifier, challenge)
    ? undefined
    : 'code_verifier does not match the code_challenge (RFC 7636 §4.6)';
}

function refused(reason: string): Redemption {
  return { kind: 'refused', reason };
}

/** Codes are stored by hash: who reads the store cannot redeem one. */
function keyOf(code: string): string {
  return `code:${hashOpaqueToken(code).toString('base64url')}`;
}
