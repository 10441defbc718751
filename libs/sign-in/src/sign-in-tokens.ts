import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import type { RequestContext } from '@app/edge';
import type { Completed, Provider } from '@app/oauth-providers';
import { Sessions } from '@app/tokens';

/** What a sign-in brought beside the identity, and whose it is. */
export interface SignInTokens extends Completed {
  readonly userId: string;
  readonly providerId: string;
}

/** Keeps the tokens of sign-ins; rejects when it cannot. */
export type KeepSignInTokens = (brought: SignInTokens, context: RequestContext) => Promise<void>;

/**
 * Where upstream tokens of a finished sign-in go, for providers with `store_tokens` (D61). Whoever keeps them says so
 * once; nobody has to. They come after the login: its outcome does not hang on them.
 */
@Injectable()
export class SignInTokenKeeper {
  private readonly logger = new Logger('SignInTokens');
  private keeper: KeepSignInTokens | undefined;

  constructor(
    private readonly sessions: Sessions,
    private readonly audit: AuditLog,
  ) {}

  use(keeper: KeepSignInTokens): void {
    this.keeper = keeper;
  }

  /** Never rejects: a failure is logged and audited. */
  async keep(provider: Provider, completed: Completed, sessionId: string, context: RequestContext): Promise<void> {
    const { config } = provider;
    if (this.keeper === undefined || config.type === 'test' || !config.storeTokens) return;
    try {
      const session = await this.sessions.findAlive(sessionId);
      if (session === undefined) return;
      await this.keeper({ ...completed, userId: session.userId, providerId: config.id }, context);
    } catch (error) {
      const { requestId } = context;
      const reason = error instanceof Error ? error.name : 'unknown fault';
      this.logger.error({ message: 'A sign-in’s tokens were not kept', requestId, provider: config.id, err: error });
      this.audit.recordApart({ kind: 'connection.not_kept', providerId: config.id, sessionId, reason }, context);
    }
  }
}
