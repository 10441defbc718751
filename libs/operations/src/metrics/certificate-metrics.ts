import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { CLOCK, type Clock } from '@app/config';
import { CertificateWatch } from '@app/saml';
import { HttpMetrics } from './http-metrics.js';

const NAME = 'gatehouse_saml_certificate_expires_seconds';

/** Seconds until each certificate of SAML ends, negative afterwards; read anew at each scrape. */
@Injectable()
export class CertificateMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: HttpMetrics,
    private readonly watch: CertificateWatch,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const { watch, clock } = this;
    const gauge = new Gauge({
      name: NAME,
      help: 'Seconds until a certificate of a SAML identity provider (idp) or of ours (sp) ends; negative once it has',
      labelNames: ['owner', 'provider', 'fingerprint'],
      registers: [],
      collect() {
        // A certificate that left the metadata must leave the metric too, or its alarm never ends.
        this.reset();
        for (const { owner, providerId, fingerprint, secondsLeft } of watch.certificates(clock())) {
          this.set({ owner, provider: providerId ?? '', fingerprint }, secondsLeft);
        }
      },
    });
    this.metrics.registry.registerMetric(gauge);
  }
}
