import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { RequestContext } from '@app/edge';
import { Organizations } from '@app/organizations';
import { SignInTokenKeeper, type SignInTokens } from '@app/sign-in';
import { UpstreamTokenEndpoints, type UpstreamTokenSet, type UpstreamTokenTraits } from '@app/upstream-tokens';
import { Vault } from '@app/vault';

/** What a provider with `store_tokens` issues at a sign-in becomes a connection of the provider's organization (D61). */
@Injectable()
export class SignInConnections implements OnModuleInit {
  constructor(
    private readonly keeper: SignInTokenKeeper,
    private readonly vault: Vault,
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly organizations: Organizations,
  ) {}

  onModuleInit(): void {
    this.keeper.use((brought, context) => this.keep(brought, context));
  }

  private async keep({ providerId, userId, identity, tokens }: SignInTokens, context: RequestContext): Promise<void> {
    const traits = this.endpoints.describe(providerId);
    if (traits === undefined) return;
    const organization = await this.organizations.get(traits.organization);
    await this.vault.keepSignIn(
      {
        organizationId: organization.id,
        providerId,
        userId,
        origin: 'sign_in',
        label: undefined,
        subject: identity.subject,
        tokens: tokenSetOf(tokens, traits),
        actor: `user:${userId}`,
      },
      context,
    );
  }
}

function tokenSetOf(tokens: SignInTokens['tokens'], { expiry }: UpstreamTokenTraits): UpstreamTokenSet {
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    // As it is to be written before the token; some providers answer `bearer`.
    tokenType: /^bearer$/i.test(tokens.tokenType) ? 'Bearer' : tokens.tokenType,
    scope: tokens.scope,
    expiresInSeconds: tokens.expiresIn ?? (expiry.kind === 'fixed' ? expiry.seconds : undefined),
    refreshExpiresInSeconds: undefined,
    metadata: {},
  };
}
