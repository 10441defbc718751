import { Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  ApiContract,
  CurrentPrincipal,
  noStore,
  readBody,
  RequireAccess,
  requestContext,
  type Principal,
  type UserPrincipal,
} from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { ClientCredentials } from './client-credentials.js';
import {
  ClientCredentialInfoSchema,
  ClientCredentialResponseSchema,
  createdAnswer,
  infoAnswer,
  NewClientCredentialSchema,
} from './client-credentials.schema.js';
import { parseRfc3339 } from './rfc3339.js';

const ParametersSchema = z.object({ id: z.uuid().describe('The credential’s id, not its client_id') });
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A person's client credentials (D21), for first-party sessions of people only (D30). */
@Controller('client-credentials')
@RequireAccess('user')
export class ClientCredentialsController {
  constructor(private readonly credentials: ClientCredentials) {}

  @Post()
  @HttpCode(201)
  @ApiContract({
    summary: 'Create a client credential; the secret is shown once',
    tag: 'Client credentials',
    access: 'user',
    body: NewClientCredentialSchema,
    responses: { 201: { description: 'Created', schema: ClientCredentialResponseSchema } },
    errors: [400, 401, 403, 413, 415, 429, 500, 503],
  })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof ClientCredentialResponseSchema>> {
    noStore(reply);
    const owner = person(principal);
    const body = readBody(NewClientCredentialSchema, request, { aliases: 'camelCase' });
    const { info, clientSecret } = await this.credentials.create(
      owner,
      {
        name: body.name,
        description: body.description,
        expiresAt: body.expires_at === undefined ? undefined : parseRfc3339(body.expires_at),
        scopes: [...new Set(body.scopes)],
      },
      requestContext(request),
    );
    return createdAnswer(info, clientSecret);
  }

  @Get()
  @ApiContract({
    summary: 'My client credentials, newest first',
    tag: 'Client credentials',
    access: 'user',
    responses: { 200: { description: 'Without secrets', schema: z.array(ClientCredentialInfoSchema) } },
    errors: [400, 401, 403, 429, 500, 503],
  })
  async list(@CurrentPrincipal() principal: Principal): Promise<z.infer<typeof ClientCredentialInfoSchema>[]> {
    const credentials = await this.credentials.list(person(principal).userId);
    return credentials.map(infoAnswer);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiContract({
    summary: 'Delete a client credential and void its tokens',
    tag: 'Client credentials',
    access: 'user',
    params: ParametersSchema,
    responses: { 204: { description: 'Deleted; its tokens are void everywhere' } },
    errors: [400, 401, 403, 404, 429, 500, 503],
  })
  async delete(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const owner = person(principal);
    if (!UUID.test(id)) throw new OAuthError('invalid_request', 'The id of a client credential is a UUID');
    await this.credentials.delete(owner.userId, id, requestContext(request));
  }
}

/** The guard let only people in; this makes it so for the compiler, and for a route that lost its decorator. */
function person(principal: Principal): UserPrincipal {
  if (principal.kind !== 'user')
    throw new OAuthError('forbidden', 'Client credentials are managed by people, not by machines');
  return principal;
}
