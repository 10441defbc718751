import { Inject, Injectable } from '@nestjs/common';
import { Applications, FirstPartyClients } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';

/** Where a browser goes after a logout, with what the client wants to get back. */
export interface PostLogoutTarget {
  readonly uri: string;
  readonly state: string | undefined;
}

/** Which targets a client may name (RP-Initiated Logout §3): registered ones, equal character for character (R18). */
@Injectable()
export class PostLogoutTargets {
  constructor(
    private readonly applications: Applications,
    private readonly firstParty: FirstPartyClients,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** @throws OAuthError `invalid_request` for whoever asked: nothing is sent to a target that is not registered */
  async assertAllowed(uri: string, clientId: string | undefined): Promise<void> {
    if (clientId === undefined)
      throw new OAuthError('invalid_request', 'post_logout_redirect_uri needs id_token_hint or client_id beside it');
    if (await this.allows(uri, clientId)) return;
    throw new OAuthError(
      'invalid_request',
      'post_logout_redirect_uri is not registered for this client: it must be equal to a registered one, character for character',
    );
  }

  private async allows(uri: string, clientId: string): Promise<boolean> {
    if (this.firstParty.isServed(clientId))
      return (
        this.config.saml.postLogoutRedirectUris.includes(uri) ||
        this.firstParty.matchCallback(uri, 'fragment', clientId) !== undefined
      );
    return (await this.applications.find(clientId))?.postLogoutRedirectUris.includes(uri) === true;
  }
}

/** The client's own query is kept. */
export function targetAddress({ uri, state }: PostLogoutTarget): string {
  if (state === undefined) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams({ state }).toString()}`;
}
