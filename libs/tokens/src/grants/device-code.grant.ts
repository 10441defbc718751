import { Inject, Injectable } from '@nestjs/common';
import { ClientAuthenticator, isPublic, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { DEVICE_CODE_GRANT, OAuthError } from '@app/oauth2';
import { DeviceAuthorizations, type AllowedDevice, type DevicePoll } from '../device-authorizations.js';
import { RefreshTokens } from '../refresh-tokens.js';
import type { SessionFacts } from '../session-facts.js';
import { Sessions } from '../sessions.js';
import { TokenIssuer, type IssuedTokens } from '../token-issuer.js';
import { assertProves, resourceOf, unauthorizedClient, type Grant, type TokenRequest } from './grant.js';

/** RFC 8628 §3.4: a device asks whether its person has answered, and gets what a code would get it. */
@Injectable()
export class DeviceCodeGrant implements Grant {
  readonly grantType = DEVICE_CODE_GRANT;

  constructor(
    private readonly devices: DeviceAuthorizations,
    private readonly clients: ClientAuthenticator,
    private readonly refreshTokens: RefreshTokens,
    private readonly sessions: Sessions,
    private readonly issuer: TokenIssuer,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  async issue(request: TokenRequest): Promise<IssuedTokens> {
    const application = await this.asking(request);
    assertProves(request, application);
    if (request.deviceCode === undefined)
      throw new OAuthError('invalid_request', 'device_code is required for the device_code grant');
    const poll = await this.devices.poll(request.deviceCode, application.clientId);
    if (poll.kind !== 'allowed') throw refusalOf(poll);
    // Before the code is used up: a device that names a wrong API may ask again.
    const resource = resourceOf(request, poll.resource, this.config.publicUrl);
    if (!(await this.devices.redeem(poll))) throw invalidGrant('another poll was answered first');
    const { scopes } = poll;
    const begun = await this.begin(poll, resource, application, request.dpopKey);
    if (begun === undefined) throw invalidGrant('the session of this code has ended');
    const { facts, ...family } = begun;
    const tokens = await this.issuer.forUser(facts, scopes, resource, request.dpopKey);
    const idToken = scopes.includes('openid')
      ? { idToken: await this.issuer.idToken(facts, scopes, undefined, tokens.accessToken) }
      : {};
    return { ...tokens, ...family, ...idToken };
  }

  /** RFC 8628 §3.4: proved as at any grant; who has nothing to prove itself with names itself. */
  private async asking({ client: presented, context }: TokenRequest): Promise<Application> {
    const client = await this.clients.identify(presented, context.remoteAddress);
    if (client === undefined)
      throw new OAuthError('invalid_client', 'Name the client: client_id, with what it proves itself with');
    if (client.application?.grantTypes.includes(this.grantType) !== true) throw unauthorizedClient(this.grantType);
    return client.application;
  }

  /** A refresh token only for those that were registered for refreshing; a public one's is bound to its key (RFC 9449 §5). */
  private async begin(
    { sessionId, scopes }: AllowedDevice,
    resource: string | undefined,
    application: Application,
    dpopKey: string | undefined,
  ): Promise<Begun | undefined> {
    if (!application.grantTypes.includes('refresh_token')) {
      const facts = await this.sessions.findAlive(sessionId);
      return facts === undefined ? undefined : { facts };
    }
    const key = isPublic(application) ? dpopKey : undefined;
    const family = await this.refreshTokens.begin(sessionId, scopes, resource, key);
    if (family === undefined) return undefined;
    const { facts, refreshToken, familyId } = family;
    return { facts, refreshToken, familyId };
  }
}

interface Begun {
  readonly facts: SessionFacts;
  readonly refreshToken?: string;
  readonly familyId?: string;
}

/** RFC 8628 §3.5: all of them 400 (RFC 6749 §5.2), and told apart, for the device does not do the same at each. */
function refusalOf(poll: Exclude<DevicePoll, { readonly kind: 'allowed' }>): OAuthError {
  switch (poll.kind) {
    case 'pending':
      return new OAuthError('authorization_pending', 'Nobody has answered yet; ask again after the interval');
    case 'too-fast':
      return new OAuthError('slow_down', `Ask at most every ${poll.interval} seconds from now on`);
    case 'denied':
      return new OAuthError('access_denied', 'The person did not allow it', { status: 400 });
    case 'expired':
      return new OAuthError('expired_token', 'The device_code has expired; begin anew');
    case 'refused':
      return invalidGrant(poll.reason);
  }
}

/** One text for every reason, as for authorization codes. */
function invalidGrant(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'The device_code is invalid or used, or does not fit this request', {
    logDetail: reason,
  });
}
