import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Directory } from '@app/directory';
import { Lockout, remoteAddress } from '@app/edge';
import { hashOpaqueToken, isLoopbackHost, OAuthError, secretMatches } from '@app/oauth2';
import { AccessTokenVerifier } from './access-token-verifier.js';
import { cameByInternalListener } from './internal-sockets.js';

/** Guesses of INTERNAL_TOKEN share one lock for each address (R29). */
const LOCKOUT_NAME = 'internal-token';

/** What proxies and content networks add on the way; one such header, even an empty one, and somebody else is behind it. */
const FORWARDING =
  /^(?:x-forwarded.*|cf-.*|forwarded|via|x-real-ip|x-client-ip|true-client-ip|x-original-forwarded-for)$/;
/** RFC 9110 §7.2 `uri-host [":" port]`, and nothing that a URL parser would read as user, path, query or fragment. */
const HOST = /^(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::\d+)?$/i;

function isLoopbackPeer(address: string | undefined): boolean {
  return address === '::1' || (address ?? '').replace(/^::ffff:/, '').startsWith('127.');
}

function namesLoopback(host: string | undefined): boolean {
  // As it stands, not as WHATWG rewrites it: `evil.com@localhost` and `localhost?evil.com` parse to a host of ours.
  const name = HOST.exec(host ?? '')?.[1];
  return name !== undefined && isLoopbackHost(name.toLowerCase());
}

/** A page in a browser, or a name that was rebound to this machine, is not an operator however near it sits. */
function fromBrowserOrProxy(request: FastifyRequest): boolean {
  const { headers } = request;
  return (
    !namesLoopback(headers.host) ||
    headers.origin !== undefined ||
    headers['sec-fetch-site'] !== undefined ||
    Object.keys(headers).some((name) => FORWARDING.test(name))
  );
}

/** Who may see and set off what runs inside: /metrics, /health/auth, the details of /health/ready, mix's trigger (D27). */
@Injectable()
export class OperatorAccess {
  private readonly internalTokenHash: Buffer | undefined;

  constructor(
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    private readonly tokens: AccessTokenVerifier,
    private readonly directory: Directory,
    private readonly lockout: Lockout,
  ) {
    const internal = config.internalToken?.reveal();
    this.internalTokenHash = internal === undefined ? undefined : hashOpaqueToken(internal);
  }

  /** By place (D27's loopback rule or the internal listener), by INTERNAL_TOKEN, or by an administrator's bearer. */
  async allows(request: FastifyRequest): Promise<boolean> {
    if (this.#trustedPlace(request)) return true;
    const bearer = /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer === undefined) return false;
    const address = remoteAddress(request);
    await this.lockout.assertOpen(LOCKOUT_NAME, address);
    if (this.internalTokenHash !== undefined && secretMatches(bearer, this.internalTokenHash)) return true;
    const verified = await this.tokens.verify(bearer);
    if (verified === undefined) await this.lockout.failed(LOCKOUT_NAME, address);
    if (verified?.principal.kind !== 'user') return false;
    return this.directory.isAdministrator(verified.principal.userId, verified.principal.providerId);
  }

  /** The same, as a refusal: 401 without credentials, 403 with the wrong ones. */
  async require(request: FastifyRequest): Promise<void> {
    if (await this.allows(request)) return;
    if (request.headers.authorization === undefined)
      throw new OAuthError('unauthorized', 'This is for operators: send INTERNAL_TOKEN or an administrator token');
    throw new OAuthError('forbidden', 'This is for operators: INTERNAL_TOKEN or an administrator token');
  }

  #trustedPlace(request: FastifyRequest): boolean {
    if (fromBrowserOrProxy(request)) return false;
    if (cameByInternalListener(request.raw)) return true;
    const { production, trustProxy } = this.config;
    return !production && trustProxy === undefined && isLoopbackPeer(request.socket.remoteAddress);
  }
}
