import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Public, RateClass } from '@app/edge';
import { OperatorAccess } from '@app/tokens';
import { HttpMetrics } from '@app/operations';

/** GET /metrics in Prometheus's text format, for operators (D27). */
@Controller('metrics')
@Public()
@RateClass('api')
export class MetricsController {
  constructor(
    private readonly metrics: HttpMetrics,
    private readonly operators: OperatorAccess,
  ) {}

  @Get()
  @ApiContract({
    summary: 'Metrics for Prometheus',
    description:
      'Needs INTERNAL_TOKEN or an administrator as bearer, except on the internal listener and, outside production, from this machine.',
    tag: 'Operations',
    access: 'public',
    responses: { 200: { description: 'Text format 0.0.4' } },
    errors: [401, 403, 429],
  })
  async scrape(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.operators.require(request);
    const { registry } = this.metrics;
    void reply
      .header('Content-Type', registry.contentType)
      .header('Cache-Control', 'no-store')
      .send(await registry.metrics());
  }
}
