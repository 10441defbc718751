import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWK, type JWTPayload } from 'jose';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { ASYMMETRIC_ALGORITHMS, hasPrivateMember, OAuthError } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { namesTarget } from './target-uri.js';

/** Of the request that a proof is for: what the proof has to name. */
export interface ProvenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Enough for an RSA key of 8192 bits; verifying with a longer one is work that a stranger could ask for. */
const LONGEST_PROOF = 4096;
/** RFC 7515 §3.1. Two header fields arrive as one text with a comma in it. */
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** How long after its `iat` a proof is taken, beside the tolerance for clocks (§11.1). */
const LIFETIME_SECONDS = 60;

/**
 * DPoP proofs (RFC 9449 §4): that whoever sends this request holds a key. The key is told by its thumbprint (RFC 7638).
 *
 * We give out no nonce (§8): it would cost each client a second request, at every restart and at every instance, and what
 * it is for, proofs made ahead by who had the key for a moment, the short time after `iat` bounds as well.
 */
@Injectable()
export class DpopProofs {
  private readonly skewSeconds: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.skewSeconds = config.lifetimes.clockSkewSeconds;
  }

  /**
   * The key that a request to one of our own endpoints proves; undefined where it brings no proof. A good proof is used
   * up: its `jti` is not taken again (§11.1, R22).
   * @throws OAuthError `invalid_dpop_proof`
   * @throws StoreUnavailable when nobody can say whether it was used before
   */
  async keyOf(request: ProvenRequest): Promise<string | undefined> {
    return request.headers.dpop === undefined ? undefined : this.prove(request, undefined);
  }

  /**
   * Holds the proof beside an access token against the token (§7.1): made by the key that it is bound to, and for it alone.
   * @throws as {@link keyOf}, with 401
   */
  async proveHolder(request: ProvenRequest, accessToken: string, boundTo: string): Promise<void> {
    const key = await this.prove(request, accessToken);
    if (key !== boundTo) throw refusal('it is not made by the key that the access token is bound to', 401);
  }

  private async prove(request: ProvenRequest, accessToken: string | undefined): Promise<string> {
    const status = accessToken === undefined ? 400 : 401;
    const { dpop: proof } = request.headers;
    if (proof === undefined) throw refusal('there is none: send it in the header DPoP', status);
    if (typeof proof !== 'string' || proof.length > LONGEST_PROOF || !COMPACT_JWS.test(proof))
      throw refusal('the header DPoP must hold one compact JWS, once', status);
    const now = this.clock();
    const { key, payload } = await opened(proof, now, this.skewSeconds, status);
    const fault =
      this.faultOf(payload, request, now.getTime() / 1000) ??
      (accessToken === undefined ? undefined : tokenFault(payload, accessToken)) ??
      (await this.useUp(key, payload, now.getTime() / 1000));
    if (fault !== undefined) throw refusal(fault, status);
    return key;
  }

  private faultOf({ htm, htu, iat, jti }: JWTPayload, request: ProvenRequest, now: number): string | undefined {
    if (typeof jti !== 'string' || jti === '') return 'its jti must be a text';
    if (htm !== request.method) return 'its htm is not the method of this request';
    if (typeof htu !== 'string' || !namesTarget(htu, `${this.config.publicUrl}${request.url}`))
      return 'its htu is not the address of this request';
    if (typeof iat !== 'number') return 'its iat must be a number';
    if (iat > now + this.skewSeconds) return 'its iat is in the future';
    return iat < now - LIFETIME_SECONDS - this.skewSeconds ? 'its iat is too long ago' : undefined;
  }

  /** By key: nobody can use up what another one will send. */
  private async useUp(key: string, { jti = '', iat = 0 }: JWTPayload, now: number): Promise<string | undefined> {
    const hash = createHash('sha256').update(`${key}\n${jti}`).digest('base64url');
    const remainingMs = Math.max(1, Math.ceil((iat + LIFETIME_SECONDS + this.skewSeconds - now) * 1000));
    const isFirst = await this.store.setIfAbsent(`dpop:${hash}`, '1', remainingMs);
    return isFirst ? undefined : 'its jti was used before';
  }
}

interface OpenedProof {
  /** Thumbprint. */
  readonly key: string;
  readonly payload: JWTPayload;
}

/**
 * Signature, `typ`, algorithm and key (§4.3, 2 to 7). The key is the sender's own, so whatever a library finds wrong with
 * it is a fault of the proof.
 */
async function opened(proof: string, now: Date, skewSeconds: number, status: number): Promise<OpenedProof> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: [...ASYMMETRIC_ALGORITHMS],
      currentDate: now,
      clockTolerance: skewSeconds,
    });
    if (protectedHeader.typ !== 'dpop+jwt') throw new Error('its typ is another one');
    const jwk = protectedHeader.jwk as JWK;
    if (hasPrivateMember(jwk)) throw new Error('its jwk holds a part of a private key');
    return { key: await calculateJwkThumbprint(jwk, 'sha256'), payload };
  } catch (error) {
    throw refusal(
      'it must be a dpop+jwt, signed with the public key in its jwk by an algorithm of algs',
      status,
      error,
    );
  }
}

/** §4.3, 12: base64url of SHA-256 of the token as it came. */
function tokenFault({ ath }: JWTPayload, accessToken: string): string | undefined {
  const expected = createHash('sha256').update(accessToken, 'ascii').digest('base64url');
  return ath === expected ? undefined : 'its ath is not the hash of the access token';
}

/** Nothing in a proof is secret, so the caller is told what is wrong with it (§5, §7.1). */
function refusal(fault: string, status: number, cause?: unknown): OAuthError {
  return new OAuthError('invalid_dpop_proof', `The DPoP proof is not good: ${fault}`, {
    status,
    ...(cause instanceof Error ? { logDetail: cause.message } : {}),
  });
}
