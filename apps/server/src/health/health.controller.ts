import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiContract, Public, RateClass } from '@app/edge';
import { OperatorAccess } from '@app/tokens';
import { Readiness, type ReadinessReport } from '@app/operations';
import { VaultReadiness } from './vault-readiness.js';

const LiveSchema = z.object({ status: z.literal('live') });

const ReadySchema = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    details: z.record(z.string(), z.unknown()).optional().describe('For operators only'),
  })
  .meta({ id: 'Readiness' });

/** GET /health/live and /health/ready: for whoever starts, watches and balances this process. */
@Controller('health')
@Public()
@RateClass('none')
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly operators: OperatorAccess,
    private readonly vault: VaultReadiness,
  ) {}

  @Get('live')
  @ApiContract({
    summary: 'Does the process run?',
    tag: 'Operations',
    access: 'public',
    responses: { 200: { description: 'It does', schema: LiveSchema } },
    errors: [],
  })
  live(): z.infer<typeof LiveSchema> {
    return { status: 'live' };
  }

  @Get('ready')
  @ApiContract({
    summary: 'Can it serve: do the database and the store answer?',
    description: 'Operators (INTERNAL_TOKEN, an administrator, the internal listener) also see what and why.',
    tag: 'Operations',
    access: 'public',
    responses: {
      200: { description: 'Send requests here', schema: ReadySchema },
      503: { description: 'Send them elsewhere', schema: ReadySchema },
    },
    errors: [],
  })
  async ready(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof ReadySchema>> {
    const [report, detailed] = await Promise.all([this.readiness.report(), this.#mayKnow(request)]);
    void reply.status(report.ready ? 200 : 503).header('Cache-Control', 'no-store');
    const status = report.ready ? 'ready' : 'not_ready';
    return detailed ? { status, details: { ...detailsOf(report), vault: await this.vault.report() } } : { status };
  }

  /** Whether a store is down must not decide whether a probe gets its answer. */
  async #mayKnow(request: FastifyRequest): Promise<boolean> {
    try {
      return await this.operators.allows(request);
    } catch {
      return false;
    }
  }
}

function detailsOf({ ready: _ready, ...details }: ReadinessReport): Record<string, unknown> {
  return details;
}
