import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Dialect, noStore, Public, RateClass } from '@app/edge';
import { z } from 'zod';
import { OperatedVault } from './operated-vault.js';

const TriggeredSchema = z
  .object({ message: z.string(), status: z.literal('success') })
  .meta({ id: 'RefreshTriggered' });

/** POST /internal/auth/refresh-tokens, as mix has it (D27). */
@Controller('internal/auth')
@Public()
@RateClass('api')
@Dialect('mix')
export class TokenRefreshController {
  constructor(private readonly vault: OperatedVault) {}

  @Post('refresh-tokens')
  @HttpCode(200)
  @ApiContract({
    summary: 'Refresh everything that is due, now',
    description:
      'Answers at once; callers share one sweep. For operators: INTERNAL_TOKEN or an administrator as bearer, except ' +
      'on the internal listener and, outside production, from this machine.',
    tag: 'Operations',
    access: 'public',
    dialect: 'mix',
    responses: { 200: { description: 'A sweep is under way', schema: TriggeredSchema } },
    errors: [401, 403, 429, 500],
  })
  async trigger(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof TriggeredSchema>> {
    noStore(reply);
    await this.vault.trigger(request);
    return { message: 'Token refresh triggered successfully', status: 'success' };
  }
}
