import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Dialect, noStore, Public, RateClass } from '@app/edge';
import { authHealth, AuthHealthSchema, type AuthHealth } from './auth-health.js';
import { OperatedVault } from './operated-vault.js';

/** GET /health/auth, as mix has it (D27). */
@Controller('health')
@Public()
@RateClass('api')
@Dialect('mix')
export class AuthHealthController {
  constructor(private readonly vault: OperatedVault) {}

  @Get('auth')
  @ApiContract({
    summary: 'Are the tokens of every provider fresh?',
    description:
      'Over all organizations, in numbers alone. For operators, as /metrics is. 200 also when something is wrong.',
    tag: 'Operations',
    access: 'public',
    dialect: 'mix',
    responses: { 200: { description: 'By provider', schema: AuthHealthSchema } },
    errors: [401, 403, 429, 500],
  })
  async get(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<AuthHealth> {
    noStore(reply);
    return authHealth(await this.vault.report(request));
  }
}
