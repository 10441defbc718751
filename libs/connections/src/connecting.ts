import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError, parseScope } from '@app/oauth2';
import type { TenantCaller } from '@app/organizations';
import { ConnectTickets, type ConnectOrder } from './connect-tickets.js';
import { OwnConnections } from './own-connections.js';

/** What `initiate` asks for. */
export interface ConnectWish {
  readonly integration: string;
  /** undefined: those of the provider's settings. */
  readonly scopes: readonly string[] | undefined;
  readonly redirectUrl: string | undefined;
  /** Connect this one again. */
  readonly connectionId: string | undefined;
}

/** From an API caller's wish to a link for the person whose account it is (D47). */
@Injectable()
export class Connecting {
  private readonly redirectUrls: ReadonlySet<string>;

  constructor(
    private readonly tickets: ConnectTickets,
    private readonly own: OwnConnections,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.redirectUrls = new Set([...config.vault.redirectUrls, ...config.clientCallbacks.map(({ url }) => url)]);
  }

  /** @throws OAuthError 422 naming the field, `not_found` for a connection that is not the organization's */
  async initiate(
    caller: TenantCaller,
    wish: ConnectWish,
  ): Promise<{ readonly authUrl: string; readonly state: string }> {
    const order = await this.order(caller, wish);
    return { authUrl: this.urlOf(await this.tickets.issue(order)), state: order.state };
  }

  /** A link to connect this connection again; undefined: the caller may not, or its provider is gone. */
  async reconnectUrl(caller: TenantCaller, connectionId: string): Promise<string | undefined> {
    if (!caller.accesses.has('write_connections')) return undefined;
    const ticket = await this.tickets.issueFor(`${connectionId}:${caller.actor}`, async () => {
      const { providerId, scope } = await this.own.find(caller, connectionId);
      // What was granted, and what the settings ask for: some providers do not grant offline_access by name.
      const granted = parseScope(scope ?? '') ?? [];
      const scopes = [...new Set([...this.own.traitsOf(providerId, 'integration_id').scopes, ...granted])];
      return this.order(caller, {
        integration: providerId,
        scopes,
        redirectUrl: undefined,
        connectionId,
      });
    });
    return this.urlOf(ticket);
  }

  private async order(caller: TenantCaller, wish: ConnectWish): Promise<ConnectOrder> {
    const traits = this.own.traitsOf(wish.integration, 'integration_id');
    if (wish.redirectUrl !== undefined && !this.redirectUrls.has(wish.redirectUrl))
      throw unprocessable(
        'redirect_url',
        'must be one of vault.redirect_urls or client_callbacks of the configuration, character for character',
      );
    if (wish.connectionId !== undefined) {
      await this.own.assertMayChange(caller, wish.connectionId);
      const { providerId } = await this.own.find(caller, wish.connectionId);
      if (providerId !== wish.integration)
        throw unprocessable('integration_id', 'is not the integration of this connection_id');
    }
    return {
      by: {
        organizationId: caller.organizationId,
        actor: caller.actor,
        userId: caller.userId,
        providerId: caller.providerId,
      },
      organizationName: caller.organizationName,
      providerId: wish.integration,
      scopes: wish.scopes ?? traits.scopes,
      redirectUrl: wish.redirectUrl,
      connectionId: wish.connectionId,
      state: this.tickets.newState(),
    };
  }

  private urlOf(ticket: string): string {
    return `${this.config.publicUrl}/connect/${ticket}`;
  }
}

function unprocessable(field: string, fault: string): OAuthError {
  return new OAuthError('invalid_request', `${field} ${fault}`, { status: 422, details: { in: 'body', field } });
}
