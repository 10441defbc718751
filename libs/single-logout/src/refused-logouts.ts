import { Inject, Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import type { RequestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { diagnose, failed, firstFailure, verdictsForRecord, type Verdict } from '@app/saml';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { IncomingLogout } from './incoming-logout.js';

export interface LogoutRefusal {
  readonly kind: IncomingLogout['kind'];
  readonly providerId: string | undefined;
  readonly verdicts: readonly Verdict[];
}

const NAMES = { logout_request: 'LogoutRequest', logout_response: 'LogoutResponse' } as const;

/** A row of the audit for each sender and reason, no oftener than this: anybody may send these. */
const QUIET_MS = 60_000;

/** Tells operators why a logout message was refused, and the sender next to nothing (R15, R31). */
@Injectable()
export class RefusedLogouts {
  private readonly logger = new Logger('Saml');

  constructor(
    private readonly audit: AuditLog,
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
  ) {}

  /** Records a refusal and answers the error to give: the same one whatever was wrong. */
  async record({ kind, providerId, verdicts }: LogoutRefusal, context: RequestContext): Promise<OAuthError> {
    const failure = firstFailure(verdicts) ?? failed('provider', 'a verdict', 'none');
    const { check } = failure;
    this.logger.warn({
      message: `A SAML ${NAMES[kind]} was refused. ${diagnose([failure])}`,
      requestId: context.requestId,
      provider: providerId,
      check,
      failures: verdicts.filter(({ ok }) => !ok).map(asLine),
    });
    if (await this.isNew(`${kind}:${providerId ?? ''}:${check}:${context.remoteAddress}`)) {
      const { requestId: reference } = context;
      this.audit.recordApart(
        {
          kind: 'saml.refused',
          providerId,
          message: kind,
          reference,
          check,
          verdicts: verdictsForRecord(verdicts),
        },
        context,
      );
    }
    return new OAuthError('invalid_request', 'The logout message was not accepted', {
      details: { reference: context.requestId },
    });
  }

  /** Without the store nobody counts, and the log alone keeps it. */
  private async isNew(reason: string): Promise<boolean> {
    return this.store.setIfAbsent(`saml-refusal:${reason}`, '1', QUIET_MS).catch(() => false);
  }
}

function asLine({ check, expected, found }: Verdict): string {
  return `${check}: expected ${expected}, found ${found}`;
}
