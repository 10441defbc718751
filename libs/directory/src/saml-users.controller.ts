import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, CurrentPrincipal, noStore, readQuery, RequireAccess, type Principal } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { Directory } from './directory.js';
import { ProviderUsersRepository, type ProviderUser } from './provider-users.repository.js';

const ParametersSchema = z.object({ idp: z.string().describe('Id of a SAML provider') });

/** Deeper pages are no longer looking somebody up, and would make the database count its way there. */
const FURTHEST = 1_000_000;

const QuerySchema = z.object({
  limit: z.coerce.number().int().min(0).max(500).default(100).describe('Size of the page'),
  offset: z.coerce.number().int().min(0).max(FURTHEST).default(0).describe('People to skip'),
  email: z.string().max(254).optional().describe('Part of the e-mail address, in any case'),
});

const SamlUserSchema = z.object({
  internal_uuid: z.uuid(),
  email: z.string(),
  name: z.string(),
  last_login: z.iso.datetime().optional(),
});

const SamlUsersSchema = z
  .object({ idp: z.string(), users: z.array(SamlUserSchema), total: z.int().describe('Of all pages') })
  .meta({ id: 'SamlUsers' });

/** GET /saml/providers/{idp}/users: who else signs in through my SAML provider (D58). */
@Controller('saml/providers')
export class SamlUsersController {
  constructor(
    private readonly users: ProviderUsersRepository,
    private readonly directory: Directory,
    @Inject(GATEHOUSE_CONFIG) private readonly config: Pick<GatehouseConfig, 'samlProviders'>,
  ) {}

  @Get(':idp/users')
  @RequireAccess('user')
  @ApiContract({
    summary: 'People who sign in through a SAML provider; for its own people and for administrators',
    tag: 'SAML',
    access: 'user',
    params: ParametersSchema,
    query: QuerySchema,
    responses: { 200: { description: 'Sorted by e-mail address', schema: SamlUsersSchema } },
    errors: [400, 401, 403, 404, 429, 500, 503],
  })
  async list(
    @Param('idp') idp: string,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof SamlUsersSchema>> {
    noStore(reply);
    const { limit, offset, email } = readQuery(QuerySchema, request);
    // Which providers exist is public at /saml/providers, so that an unknown one may be told before the caller is judged.
    if (!this.config.samlProviders.some(({ id }) => id === idp))
      throw new OAuthError('not_found', 'There is no such SAML provider; see /saml/providers');
    if (!(await this.maySee(principal, idp)))
      throw new OAuthError('forbidden', 'Only people of this provider, and administrators, may list its people');
    const { users, total } = await this.users.page({ providerId: idp, emailPart: emailKey(email), limit, offset });
    return { idp, users: users.map(userAnswer), total };
  }

  /** By the provider of this session, not by identities that were linked to the person (D17). */
  private async maySee(principal: Principal, idp: string): Promise<boolean> {
    if (principal.kind !== 'user') return false;
    return principal.providerId === idp || this.directory.isAdministrator(principal.userId, principal.providerId);
  }
}

/** As addresses are compared (R28). */
const emailKey = (part: string | undefined): string | undefined =>
  part?.normalize('NFKC').toLowerCase().normalize('NFKC');

/** Nobody's missing login is null on the wire (D2). */
function userAnswer({ userId, email, name, lastLoginAt }: ProviderUser): z.infer<typeof SamlUserSchema> {
  const found = { internal_uuid: userId, email, name };
  return lastLoginAt === undefined ? found : { ...found, last_login: lastLoginAt.toISOString() };
}
