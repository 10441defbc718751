import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { presentedClient } from '@app/clients';
import { ApiContract, noStore, Public, RateClass, readBody, readQuery, requestContext } from '@app/edge';
import { OAuthError, parseScope } from '@app/oauth2';
import { DpopProofs } from './dpop/dpop-proofs.js';
import { TokenEndpoint } from './token-endpoint.js';
import { tokenResponse } from './token-issuer.js';
import { RefreshRequestSchema, TokenQuerySchema, TokenRequestSchema, TokenResponseSchema } from './token.schema.js';

/** POST /oauth2/token (RFC 6749 §3.2) and the seed's POST /oauth2/refresh; with a DPoP proof either binds (RFC 9449 §5). */
@Controller('oauth2')
@Public()
@RateClass('token')
export class TokenController {
  constructor(
    private readonly endpoint: TokenEndpoint,
    private readonly proofs: DpopProofs,
  ) {}

  @Post('token')
  @HttpCode(200)
  @ApiContract({
    summary: 'Exchange a code, a refresh token or client credentials for tokens',
    tag: 'OAuth',
    access: 'public',
    query: TokenQuerySchema,
    body: TokenRequestSchema,
    bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
    responses: { 200: { description: 'The tokens', schema: TokenResponseSchema } },
    errors: [400, 401, 413, 415, 429, 500, 503],
  })
  async token(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    noStore(reply);
    readQuery(TokenQuerySchema, request);
    const body = readBody(TokenRequestSchema, request, { aliases: 'camelCase' });
    const tokens = await this.endpoint.issue({
      grantType: body.grant_type,
      code: body.code,
      codeVerifier: body.code_verifier,
      redirectUri: body.redirect_uri,
      refreshToken: body.refresh_token,
      deviceCode: body.device_code,
      scopes: requestedScopes(body.scope),
      resource: body.resource,
      client: presentedClient(request.headers.authorization, body),
      context: requestContext(request),
      dpopKey: await this.proofs.keyOf(request),
      exchange: {
        subjectToken: body.subject_token,
        subjectTokenType: body.subject_token_type,
        requestedTokenType: body.requested_token_type,
        audience: body.audience,
        actorToken: body.actor_token,
        actorTokenType: body.actor_token_type,
      },
    });
    return tokenResponse(tokens);
  }

  @Post('refresh')
  @HttpCode(200)
  @ApiContract({
    summary: 'Exchange a refresh token of a first-party session for new tokens',
    tag: 'OAuth',
    access: 'public',
    body: RefreshRequestSchema,
    bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
    responses: { 200: { description: 'The tokens', schema: TokenResponseSchema } },
    errors: [400, 401, 413, 415, 429, 500, 503],
  })
  async refresh(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    noStore(reply);
    const body = readBody(RefreshRequestSchema, request, { aliases: 'camelCase' });
    const tokens = await this.endpoint
      .issue({
        grantType: 'refresh_token',
        code: undefined,
        codeVerifier: undefined,
        redirectUri: undefined,
        refreshToken: body.refresh_token,
        scopes: requestedScopes(body.scope),
        resource: undefined,
        client: presentedClient(undefined, {}),
        context: requestContext(request),
        dpopKey: await this.proofs.keyOf(request),
      })
      .catch((error: unknown) => {
        throw asUnauthorized(error);
      });
    return tokenResponse(tokens);
  }
}

function requestedScopes(scope: string | undefined): readonly string[] | undefined {
  if (scope === undefined) return undefined;
  const scopes = parseScope(scope);
  if (scopes === undefined)
    throw new OAuthError('invalid_scope', 'scope must be space-separated scope tokens (RFC 6749 §3.3)');
  return scopes;
}

/** At this route the seed's clients expect 401 for a bad refresh token (D13). */
function asUnauthorized(error: unknown): unknown {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_grant') return error;
  return new OAuthError('invalid_grant', error.description, {
    status: 401,
    authenticate: 'Bearer',
    ...(error.logDetail === undefined ? {} : { logDetail: error.logDetail }),
  });
}
