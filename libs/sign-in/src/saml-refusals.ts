import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import type { RequestContext } from '@app/edge';
import { OAuthError, type OAuthErrorCode } from '@app/oauth2';
import { diagnose, failed, firstFailure, verdictsForRecord, type CheckName, type Verdict } from '@app/saml';
import type { CarriedRefusal } from './saml-transactions.js';
import { SamlTransactions } from './saml-transactions.js';

/** A response that came to nothing. */
export interface RefusedResponse {
  /** undefined: nobody's, as far as we can tell. */
  readonly providerId: string | undefined;
  readonly verdicts: readonly Verdict[];
  /** The request id that the person is shown. */
  readonly reference: string;
}

/** Refusals that say something of the person or of this one message; all others mean that the two sides do not fit. */
const ABOUT_THE_PERSON: ReadonlySet<CheckName> = new Set<CheckName>([
  'replay',
  'in-response-to',
  'authentication-age',
  'authn-context',
  'session-not-on-or-after',
  'logged-out',
]);

/** Second-level status codes (core §3.2.2.2) that the client can act on. */
const STATUS_CODES: readonly (readonly [suffix: string, code: OAuthErrorCode])[] = [
  [':status:NoPassive', 'login_required'],
  [':status:AuthnFailed', 'access_denied'],
  [':status:RequestDenied', 'access_denied'],
  [':status:UnknownPrincipal', 'access_denied'],
  [':status:NoAuthnContext', 'access_denied'],
];

/**
 * What the client and the person are told of a refused response: next to nothing (R31). The verdicts are for the log and
 * the audit, which the reference finds.
 */
export function refusalOf(verdicts: readonly Verdict[], reference: string): CarriedRefusal {
  const failure = firstFailure(verdicts);
  const upstream = failure?.check === 'status' ? statusCode(failure.found) : undefined;
  if (upstream === 'login_required')
    return { code: upstream, status: 400, description: 'The person must sign in at the identity provider' };
  if (upstream !== undefined)
    return { code: upstream, status: 403, description: 'The identity provider did not sign the person in' };
  if (failure !== undefined && ABOUT_THE_PERSON.has(failure.check))
    return { code: 'access_denied', status: 403, description: `The sign-in was refused; reference ${reference}` };
  return {
    code: 'server_error',
    status: 502,
    description: `The answer of the identity provider was refused; reference ${reference}`,
  };
}

/** Of the codes alone: the message beside them is any text of the sender's. */
function statusCode(found: string): OAuthErrorCode | undefined {
  const [codes = ''] = found.split(' with the message ');
  return STATUS_CODES.find(([suffix]) => codes.includes(`${suffix}"`))?.[1];
}

/** A carried refusal as what is thrown and delivered; `reference` reaches the page in `details`. */
export function asError({ code, description, status }: CarriedRefusal, reference: string): OAuthError {
  return new OAuthError(code, description, { status, details: { reference } });
}

/**
 * Tells operators why a response was refused, by the name of the check. Anybody can begin logins and answer them with
 * nonsense, so the audit has one row a minute for each provider, check and address; the log has every refusal.
 */
@Injectable()
export class SamlRefusals {
  private readonly logger = new Logger('Saml');

  constructor(
    private readonly audit: AuditLog,
    private readonly transactions: SamlTransactions,
  ) {}

  async report({ providerId, verdicts, reference }: RefusedResponse, context: RequestContext): Promise<void> {
    const failure = firstFailure(verdicts) ?? failed('provider', 'a verdict', 'none');
    const { check } = failure;
    this.logger.warn({
      message: `A SAML response was refused. ${diagnose([failure])}`,
      requestId: reference,
      provider: providerId,
      check,
      failures: verdicts.filter(({ ok }) => !ok).map(asLine),
    });
    if (!(await this.isNew(`${providerId ?? ''}:${check}:${context.remoteAddress}`))) return;
    const recorded = verdictsForRecord(verdicts);
    this.audit.recordApart(
      { kind: 'saml.refused', providerId, message: 'response', reference, check, verdicts: recorded },
      context,
    );
  }

  /** With the store gone a refusal is still a refusal; then the log alone has it. */
  private isNew(kind: string): Promise<boolean> {
    return this.transactions.firstRefusal(kind).catch(() => false);
  }
}

function asLine({ check, expected, found }: Verdict): string {
  return `${check}: expected ${expected}, found ${found}`;
}
