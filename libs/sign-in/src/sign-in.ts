import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { CLOCK, type Clock } from '@app/config';
import { Directory } from '@app/directory';
import type { RequestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { Revocations } from '@app/revocation';
import { SamlSessions } from '@app/saml';
import { Sessions } from '@app/tokens';
import type { EntityManager } from 'typeorm';
import type { ProvenIdentity } from './proven-identity.js';
import { RepeatedLogin } from './repeated-login.js';

/** The `cause` of a refusal: a logout at the IdP came before the assertion that it ends (SAML core §3.7.3.1). */
export class LoggedOutUpstream extends Error {
  override readonly name = 'LoggedOutUpstream';
}

/**
 * The last step of every login, SAML or OAuth: identity → account (D17) → groups → session (D32), in one transaction
 * with its audit. There is no other way to a session, so there is one policy (R12); a {@link RepeatedLogin} brings
 * nothing that it could decide anew.
 */
@Injectable()
export class SignIn {
  constructor(
    private readonly repeated: RepeatedLogin,
    private readonly revocations: Revocations,
    private readonly directory: Directory,
    private readonly sessions: Sessions,
    private readonly samlSessions: SamlSessions,
    private readonly audit: AuditLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Answers the id of the new session.
   * @throws OAuthError `account_conflict`, `access_denied`
   */
  async complete(identity: ProvenIdentity, clientId: string, context: RequestContext): Promise<string> {
    const now = this.clock();
    return (
      (await this.repeated.begin(identity, clientId, now, context)) ?? this.decide(identity, clientId, now, context)
    );
  }

  private decide(identity: ProvenIdentity, clientId: string, now: Date, context: RequestContext): Promise<string> {
    return this.revocations.transaction(async (manager, revoke) => {
      await this.refuseLoggedOut(manager, identity, now);
      const user = await this.directory.signIn(manager, identity, now, revoke, context);
      const sessionId = await this.sessions.begin(manager, user, {
        providerId: identity.provider,
        clientId,
        authTime: identity.authTime === undefined ? now : new Date(identity.authTime * 1000),
        acr: identity.acr,
        amr: identity.amr,
        notAfter: identity.saml?.sessionNotOnOrAfter,
      });
      await this.rememberAssertion(manager, identity, sessionId);
      await this.audit.record(
        manager,
        {
          kind: 'user.signed_in',
          userId: user.userId,
          organizationId: user.organizationId,
          providerId: identity.provider,
          sessionId,
          clientId,
        },
        context,
      );
      return sessionId;
    });
  }

  /** D25: first in the transaction, so that a logout of the same person either is seen here or finds the session. */
  private async refuseLoggedOut(manager: EntityManager, { provider, saml }: ProvenIdentity, now: Date): Promise<void> {
    if (saml?.nameId === undefined) return;
    const { nameId, sessionIndexes, authnInstant } = saml;
    const principal = { providerId: provider, nameId, sessionIndexes, authnInstant };
    if (!(await this.samlSessions.wasLoggedOut(manager, principal, now))) return;
    throw new OAuthError('access_denied', 'You have been logged out at the identity provider; sign in again', {
      cause: new LoggedOutUpstream(),
    });
  }

  private async rememberAssertion(
    manager: EntityManager,
    { provider, issuer, saml }: ProvenIdentity,
    sessionId: string,
  ): Promise<void> {
    if (saml?.nameId === undefined) return;
    const { nameId, sessionIndexes, authnInstant } = saml;
    await this.samlSessions.begin(manager, {
      sessionId,
      providerId: provider,
      idpEntityId: issuer,
      nameId,
      sessionIndexes,
      authnInstant,
    });
  }
}
