import { Inject, Injectable } from '@nestjs/common';
import { ApplicationRegistry, presentedClient, type RegisteredApplication } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import type { RequestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import type { TenantCaller } from '@app/organizations';
import { ApplicationTokens, TokenEndpoint, type ApplicationToken } from '@app/tokens';
import type { z } from 'zod';
import { refusalOf, wrongClient } from './oauth-token-refusals.js';
import type { OAuthTokenRequestSchema } from './planetscale.schema.js';
import { windowOf, type PageWish } from './planetscale-page.js';
import { serviceTokenAnswer, type ServiceToken } from './service-token-answer.js';
import { unprocessable } from './strict-body.js';

type TokenWish = z.output<typeof OAuthTokenRequestSchema>;
type Tenant = Pick<TenantCaller, 'organizationId' | 'actor'>;

/**
 * What PlanetScale calls OAuth tokens: what people gave one application of the caller's organization (D1, D29, R27). One
 * is a refresh family, so it keeps its id while it is renewed.
 */
@Injectable()
export class OAuthTokens {
  constructor(
    private readonly registry: ApplicationRegistry,
    private readonly endpoint: TokenEndpoint,
    private readonly tokens: ApplicationTokens,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /**
   * Creates a token for a code, or renews one (S003). The same grants as at /oauth2/token; who calls is proved twice: the
   * organization by its service token, the application by its secret.
   * @throws OAuthError 404 for an application that is not the organization's, 403, 422; see {@link refusalOf}
   */
  async issue(tenant: Tenant, id: string, wish: TokenWish, context: RequestContext): Promise<ServiceToken> {
    const application = await this.registry.get(tenant.organizationId, id);
    assertServed(application, wish);
    const issued = await this.endpoint.issue(tokenRequest(wish, context)).catch((error: unknown) => {
      throw refusalOf(error);
    });
    const { familyId, refreshToken } = issued;
    if (familyId === undefined || refreshToken === undefined)
      throw new Error('a grant of an application that may refresh issued no refresh token');
    const token = await this.tokens.find(application.clientId, familyId);
    if (token === undefined)
      throw new OAuthError('invalid_grant', 'The session of this grant ended just now', { status: 422 });
    const plain = { accessToken: issued.accessToken, refreshToken };
    return serviceTokenAnswer(application, token, issued.scope.split(' '), plain, this.config.publicUrl);
  }

  /** Newest first, and one more than the page where there is one. @throws OAuthError `not_found` */
  async list(tenant: Tenant, id: string, page: PageWish): Promise<readonly ServiceToken[]> {
    const application = await this.registry.get(tenant.organizationId, id);
    const found = await this.tokens.list(application.clientId, windowOf(page));
    return found.map((token) => this.shown(application, token));
  }

  /** @throws OAuthError `not_found` for an application or a token that is unknown, another's or over */
  async get(tenant: Tenant, id: string, tokenId: string): Promise<ServiceToken> {
    const application = await this.registry.get(tenant.organizationId, id);
    const token = await this.tokens.find(application.clientId, tokenId);
    if (token === undefined) throw unknownToken();
    return this.shown(application, token);
  }

  /** When this returns, nothing of the token is good at any instance (D20). @throws OAuthError `not_found` as above */
  async end(tenant: Tenant, id: string, tokenId: string, context: RequestContext): Promise<void> {
    const application = await this.registry.get(tenant.organizationId, id);
    if (!(await this.tokens.end(application.clientId, tokenId, tenant, context))) throw unknownToken();
  }

  /** The application may have been registered for less since the token was given: a renewal gives no more than that. */
  private shown(application: RegisteredApplication, token: ApplicationToken): ServiceToken {
    const scopes = token.scopes.filter((scope) => application.scopes.includes(scope));
    return serviceTokenAnswer(application, token, scopes, undefined, this.config.publicUrl);
  }
}

/** Before a secret is looked at: what can never succeed here, for whom it is no secret that it cannot. */
function assertServed(application: RegisteredApplication, wish: TokenWish): void {
  const { tokenEndpointAuthMethod: method, grantTypes, dpopBoundAccessTokens } = application;
  if (application.disabled) throw new OAuthError('forbidden', 'This application is disabled');
  if (method === 'none' || method === 'private_key_jwt')
    throw unprocessable(
      'client_secret',
      `cannot be right: this application authenticates by ${method}, at /oauth2/token`,
    );
  if (dpopBoundAccessTokens)
    throw unprocessable('client_id', 'cannot be used here: this application is registered for DPoP; use /oauth2/token');
  // What is issued here is listed and deleted by its id, and that is the refresh family's.
  if (!grantTypes.includes('refresh_token'))
    throw unprocessable('grant_type', 'cannot be used here: this application may not refresh; use /oauth2/token');
  if (wish.client_id !== application.clientId)
    throw wrongClient('client_id is not that of the application in the path');
}

/** Of the seed's fields only those of the grant count: its own example sends all of them at once. */
function tokenRequest(wish: TokenWish, context: RequestContext) {
  const common = {
    grantType: wish.grant_type,
    scopes: undefined,
    resource: undefined,
    client: presentedClient(undefined, { client_id: wish.client_id, client_secret: wish.client_secret }),
    context,
  };
  if (wish.grant_type === 'refresh_token')
    return {
      ...common,
      refreshToken: required(wish, 'refresh_token'),
      code: undefined,
      codeVerifier: undefined,
      redirectUri: undefined,
    };
  return {
    ...common,
    refreshToken: undefined,
    code: required(wish, 'code'),
    codeVerifier: wish.code_verifier,
    redirectUri: required(wish, 'redirect_uri'),
  };
}

function required(wish: TokenWish, field: 'code' | 'redirect_uri' | 'refresh_token'): string {
  const value = wish[field];
  if (value === undefined) throw unprocessable(field, `is required for grant_type ${wish.grant_type}`);
  return value;
}

function unknownToken(): OAuthError {
  return new OAuthError('not_found', 'The application has no token with this id');
}
