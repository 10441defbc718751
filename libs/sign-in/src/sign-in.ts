import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { CLOCK, type Clock } from '@app/config';
import { Directory, type IdentityClaim } from '@app/directory';
import type { RequestContext } from '@app/edge';
import { Revocations } from '@app/revocation';
import { Sessions } from '@app/tokens';

/** What a provider vouched for, whatever protocol it spoke. */
export interface ProvenIdentity extends IdentityClaim {
  /** Seconds since the epoch; undefined: now. */
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
}

/**
 * The last step of every login, SAML or OAuth: identity → account (D17) → groups → session (D32), in one transaction
 * with its audit. There is no other way to a session, so there is one policy (R12).
 */
@Injectable()
export class SignIn {
  constructor(
    private readonly revocations: Revocations,
    private readonly directory: Directory,
    private readonly sessions: Sessions,
    private readonly audit: AuditLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Answers the id of the new session.
   * @throws OAuthError `account_conflict`, `access_denied`
   */
  async complete(identity: ProvenIdentity, clientId: string, context: RequestContext): Promise<string> {
    const now = this.clock();
    return this.revocations.transaction(async (manager, revoke) => {
      const user = await this.directory.signIn(manager, identity, now, revoke, context);
      const sessionId = await this.sessions.begin(manager, user, {
        providerId: identity.provider,
        clientId,
        authTime: identity.authTime === undefined ? now : new Date(identity.authTime * 1000),
        acr: identity.acr,
        amr: identity.amr,
      });
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
}
