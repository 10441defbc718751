import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLOCK, type Clock } from '@app/config';
import { ApiContract, Dialect, noStore, readBody, readQuery, requestContext } from '@app/edge';
import { CurrentTenant, RequireTenant, type TenantCaller } from '@app/organizations';
import { UpstreamTokenEndpoints } from '@app/upstream-tokens';
import { Vault, type StoredConnection } from '@app/vault';
import type { z } from 'zod';
import { connectionAnswer, type ConnectionAnswer } from './connection-answer.js';
import {
  ConnectionParameters,
  ConnectionSchema,
  ConnectionsSchema,
  ImportSchema,
  PageSchema,
} from './connections.schema.js';
import { unknownConnection } from './delivery-answer.js';
import { importedTokens } from './imported-tokens.js';
import { OwnConnections } from './own-connections.js';
import { cursorOf, readCursor } from './page-cursor.js';

const CONTRACT = { tag: 'Connections', access: 'tenant', dialect: 'mielto' } as const;

/** The connections of an organization (D61). None of these answers holds a token. */
@Controller('api/v1/connections')
@RequireTenant('read_connections')
@Dialect('mielto')
export class ConnectionsController {
  constructor(
    private readonly vault: Vault,
    private readonly own: OwnConnections,
    private readonly endpoints: UpstreamTokenEndpoints,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @ApiContract({
    ...CONTRACT,
    summary: 'Connections, oldest first',
    query: PageSchema,
    responses: { 200: { description: 'One page', schema: ConnectionsSchema } },
    errors: [400, 401, 403, 404, 422, 429, 500, 503],
  })
  async list(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof ConnectionsSchema>> {
    noStore(reply);
    const { limit, cursor, integration } = readQuery(PageSchema, request, { faults: 'unprocessable' });
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const found = await this.vault.list(caller.organizationId, { providerId: integration }, limit + 1, after);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      connections: page.map((connection) => this.answer(connection)),
      ...(found.length > limit && last !== undefined ? { next_cursor: cursorOf(last) } : {}),
    };
  }

  @Post()
  @HttpCode(200)
  @RequireTenant('write_connections')
  @ApiContract({
    ...CONTRACT,
    summary: 'Import tokens that were issued elsewhere',
    body: ImportSchema,
    responses: { 200: { description: 'Kept, and kept fresh from now on', schema: ConnectionSchema } },
    errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 503],
  })
  async import(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConnectionAnswer> {
    noStore(reply);
    const input = readBody(ImportSchema, request, { faults: 'unprocessable' });
    const traits = this.own.traitsOf(input.integration, 'integration');
    const made = await this.vault.create(
      {
        organizationId: caller.organizationId,
        providerId: input.integration,
        userId: caller.userId,
        origin: 'import',
        label: input.label,
        subject: undefined,
        tokens: importedTokens(input, traits, this.clock()),
        actor: caller.actor,
      },
      requestContext(request),
    );
    return this.answer(made);
  }

  @Get(':id')
  @ApiContract({
    ...CONTRACT,
    summary: 'One connection',
    params: ConnectionParameters,
    responses: { 200: { description: 'As it is now', schema: ConnectionSchema } },
    errors: [400, 401, 403, 404, 422, 429, 500, 503],
  })
  async get(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConnectionAnswer> {
    noStore(reply);
    return this.answer(await this.own.find(caller, id));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireTenant('write_connections')
  @ApiContract({
    ...CONTRACT,
    summary: 'Delete a connection and give its tokens back to the provider',
    params: ConnectionParameters,
    responses: { 204: { description: 'Gone; no refresh that was under way brings it back' } },
    errors: [400, 401, 403, 404, 422, 429, 500, 503],
  })
  async delete(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.own.assertMayChange(caller, id);
    const deleted = await this.vault.delete(caller.organizationId, id, caller.actor, requestContext(request));
    if (!deleted) throw unknownConnection();
  }

  private answer(connection: StoredConnection): ConnectionAnswer {
    return connectionAnswer(connection, this.endpoints.describe(connection.providerId));
  }
}
