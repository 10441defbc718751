import { Injectable } from '@nestjs/common';
import { OAuthError } from '@app/oauth2';
import { TenantCallers, type PastCaller, type TenantCaller } from '@app/organizations';
import { UpstreamTokenEndpoints, type UpstreamTokenTraits } from '@app/upstream-tokens';
import { Vault, type StoredConnection } from '@app/vault';
import { unknownConnection } from './delivery-answer.js';

const ID = /^conn_[0-9a-f]{32}$/;

/** Which connections a caller may see, and which of them change. */
@Injectable()
export class OwnConnections {
  constructor(
    private readonly vault: Vault,
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly callers: TenantCallers,
  ) {}

  /** @throws OAuthError `not_found` for an unknown id and another organization's alike (R27) */
  async find(caller: Pick<TenantCaller, 'organizationId'>, id: string): Promise<StoredConnection> {
    assertId(id);
    const found = await this.vault.find(caller.organizationId, id);
    if (found === undefined) throw unknownConnection();
    return found;
  }

  /**
   * Whoever signs in becomes a member (D62), so a member changes only what is his own; everybody else with the access
   * changes all that the organization has.
   * @throws OAuthError `not_found`, `forbidden`
   */
  async assertMayChange(caller: TenantCaller, id: string): Promise<void> {
    assertId(id);
    if (caller.role !== 'member') return;
    const { userId } = await this.find(caller, id);
    if (userId === undefined || userId !== caller.userId)
      throw new OAuthError('forbidden', 'Members change only their own connections; ask an admin of the organization');
  }

  /**
   * Whoever asked earlier must still be one who may connect, and may change that connection where there is one (R11, R23).
   * @throws OAuthError `access_denied`
   */
  async assertStillMay(past: PastCaller, connectionId: string | undefined): Promise<void> {
    const caller = await this.callers.stillMay(past, 'write_connections');
    if (caller === undefined) throw notAnyMore('whoever asked for this may not connect accounts any more');
    if (connectionId === undefined) return;
    try {
      await this.find(caller, connectionId);
      await this.assertMayChange(caller, connectionId);
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      throw notAnyMore(error.code === 'not_found' ? 'the connection is gone' : 'not the connection of the caller');
    }
  }

  /** @throws OAuthError 422 naming `field` for an integration that is not configured */
  traitsOf(integration: string, field: string): UpstreamTokenTraits {
    const traits = this.endpoints.describe(integration);
    if (traits === undefined)
      throw new OAuthError('invalid_request', `${field} is not the id of a configured provider that issues tokens`, {
        status: 422,
        details: { in: 'body', field },
      });
    return traits;
  }
}

/** The person in front of the browser may be another than the one who asked, and is not told what became of that one. */
function notAnyMore(logDetail: string): OAuthError {
  return new OAuthError('access_denied', 'This link is not valid any more; ask for another one', { logDetail });
}

/** What cannot be an id of ours never reaches the database, and is answered as one that is not there. */
export function assertId(id: string): void {
  if (!ID.test(id)) throw unknownConnection();
}
