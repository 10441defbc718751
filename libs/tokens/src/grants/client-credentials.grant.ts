import { Inject, Injectable } from '@nestjs/common';
import { ClientAuthenticator } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { narrowScope, OAuthError } from '@app/oauth2';
import { TokenIssuer, type IssuedTokens } from '../token-issuer.js';
import { resourceOf, type Grant, type TokenRequest } from './grant.js';

/** RFC 6749 §4.4: a machine gets a token for itself, with the scopes that an administrator gave it (D12, D31, D56). */
@Injectable()
export class ClientCredentialsGrant implements Grant {
  readonly grantType = 'client_credentials';

  constructor(
    private readonly clients: ClientAuthenticator,
    private readonly issuer: TokenIssuer,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  async issue(request: TokenRequest): Promise<IssuedTokens> {
    resourceOf(request, undefined, this.config.publicUrl);
    const machine = await this.clients.authenticateMachine(request.client, request.context.remoteAddress);
    const scopes = request.scopes ?? machine.scopes;
    if (narrowScope(machine.scopes, scopes) === undefined)
      throw new OAuthError('invalid_scope', 'scope holds a value that this client was not granted', {
        details: { granted: machine.scopes },
      });
    const notAfter = machine.expiresAt === undefined ? undefined : Math.floor(machine.expiresAt.getTime() / 1000);
    return this.issuer.forMachine(machine, scopes, notAfter, request.dpopKey);
  }
}
