import { X509Certificate } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { AuditLog } from '@app/audit';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { IdentityProviders } from './metadata/identity-providers.js';
import { fingerprintOf } from './fingerprint.js';
import { SamlKeys } from './sp/saml-keys.js';

/** One certificate that logins depend on, as it stands in one provider's metadata or in ours. */
export interface WatchedCertificate {
  readonly owner: 'idp' | 'sp';
  /** Undefined for ours, which all providers share. */
  readonly providerId: string | undefined;
  /** SHA-256 of the DER, in hex. */
  readonly fingerprint: string;
  readonly notAfter: Date;
  /** Negative once it has ended. */
  readonly secondsLeft: number;
}

/** Days before its end at which a certificate is announced; 0: it has ended. */
const THRESHOLDS = [0, 1, 7, 30, 60] as const;
const DAY_SECONDS = 86_400;
const EVERY_MINUTE_MS = 60_000;

/**
 * When the certificates of identity providers and our own end, told before they do. None is refused for it: metadata
 * vouches for a key, and its certificate only carries it; but an IdP whose certificate ends is about to change its key.
 */
@Injectable()
export class CertificateWatch {
  private readonly logger = new Logger(CertificateWatch.name);
  /** What is known to be announced, so that the database is asked once for each threshold and not every minute. */
  private readonly announced = new Set<string>();
  private readonly ends = new Map<string, Date | undefined>();

  constructor(
    private readonly identityProviders: IdentityProviders,
    private readonly keys: SamlKeys,
    private readonly database: Database,
    private readonly audit: AuditLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** From memory, the soonest end first: for the metric, for readiness, and for {@link tick}. */
  certificates(now: Date): WatchedCertificate[] {
    const theirs = this.identityProviders.list().flatMap(({ id }) =>
      (this.identityProviders.describe(id)?.signingCertificates ?? []).map((certificate) => ({
        owner: 'idp' as const,
        providerId: id,
        certificate,
      })),
    );
    // One that signs no more has an end that nobody will notice.
    const ours = this.keys
      .published()
      .filter(({ role }) => role !== 'previous')
      .map(({ certificate }) => ({ owner: 'sp' as const, providerId: undefined, certificate }));
    return [...theirs, ...ours]
      .flatMap(({ certificate, ...whose }) => {
        const notAfter = this.endOf(certificate);
        if (notAfter === undefined) return [];
        const secondsLeft = Math.floor((notAfter.getTime() - now.getTime()) / 1000);
        return [{ ...whose, fingerprint: fingerprintOf(certificate), notAfter, secondsLeft }];
      })
      .toSorted((a, b) => a.secondsLeft - b.secondsLeft);
  }

  /** Announces what has come within a threshold; a failure is logged and tried again at the next tick. */
  @Interval('certificate-watch', EVERY_MINUTE_MS)
  async tick(): Promise<void> {
    try {
      await this.announce(this.clock());
    } catch (error) {
      this.logger.error(`Ends of certificates were not announced: ${error instanceof Error ? error.message : 'fault'}`);
    }
  }

  private async announce(now: Date): Promise<void> {
    const due = new Map<string, { readonly days: number; readonly holders: WatchedCertificate[] }>();
    for (const certificate of this.certificates(now)) {
      const days = THRESHOLDS.find((threshold) => certificate.secondsLeft <= threshold * DAY_SECONDS);
      if (days === undefined || this.announced.has(keyOf(certificate.fingerprint, days))) continue;
      const holders = due.get(certificate.fingerprint)?.holders ?? [];
      due.set(certificate.fingerprint, { days, holders: [...holders, certificate] });
    }
    for (const [fingerprint, { days, holders }] of due) {
      await this.announceOnce(fingerprint, days, holders, now);
      this.announced.add(keyOf(fingerprint, days));
    }
  }

  /** Of all instances one: the row and the audit are one transaction. Providers that share a certificate are all told of. */
  private async announceOnce(
    fingerprint: string,
    days: number,
    holders: readonly WatchedCertificate[],
    now: Date,
  ): Promise<void> {
    await this.database.transaction(async (manager) => {
      const first: unknown[] = await manager.query(
        `INSERT INTO certificate_warnings (fingerprint, days, warned_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING fingerprint`,
        [fingerprint, days, now],
      );
      if (first.length === 0) return;
      for (const holder of holders) this.logger.warn(sentence(holder));
      await this.audit.recordAll(
        manager,
        holders.map(({ owner, providerId, notAfter }) => ({
          kind: 'certificate.expiring',
          owner,
          providerId,
          fingerprint,
          notAfter: notAfter.toISOString(),
          days,
        })),
      );
    });
  }

  /** Undefined for what Node cannot read; the verifier says so where such a certificate is needed. */
  private endOf(certificate: string): Date | undefined {
    const known = this.ends.get(certificate);
    if (known !== undefined || this.ends.has(certificate)) return known;
    const end = readEnd(certificate);
    this.ends.set(certificate, end);
    return end;
  }
}

function readEnd(certificate: string): Date | undefined {
  try {
    const end = new Date(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
    return Number.isNaN(end.getTime()) ? undefined : end;
  } catch {
    return undefined;
  }
}

function keyOf(fingerprint: string, days: number): string {
  return `${days} ${fingerprint}`;
}

function sentence({ owner, providerId, fingerprint, notAfter, secondsLeft }: WatchedCertificate): string {
  const whose = owner === 'idp' ? `The signing certificate of SAML provider ${providerId}` : 'Our own SAML certificate';
  const when = secondsLeft <= 0 ? 'ended' : 'ends';
  return `${whose} (SHA-256 ${fingerprint}) ${when} at ${notAfter.toISOString()}`;
}
