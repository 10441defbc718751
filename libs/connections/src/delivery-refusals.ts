import { Injectable, Logger } from '@nestjs/common';
import { OAuthError } from '@app/oauth2';
import type { TenantCaller } from '@app/organizations';
import type { DeliveryRefusal } from '@app/vault';
import { Connecting } from './connecting.js';
import { deadConnection, unavailableToken, unknownConnection } from './delivery-answer.js';

/** Why there is no token, as a refusal; for a dead connection with the way back to life. */
@Injectable()
export class DeliveryRefusals {
  private readonly logger = new Logger('Connections');

  constructor(private readonly connecting: Connecting) {}

  async of(refusal: DeliveryRefusal, caller: TenantCaller, id: string): Promise<OAuthError> {
    switch (refusal.kind) {
      case 'not_found':
        return unknownConnection();
      case 'dead':
        return deadConnection(refusal, await this.wayBack(caller, id));
      case 'unavailable':
        return unavailableToken(refusal);
    }
  }

  /** The truth about the connection matters more than the link: without a store there is none. */
  private async wayBack(caller: TenantCaller, id: string): Promise<string | undefined> {
    try {
      return await this.connecting.reconnectUrl(caller, id);
    } catch (error) {
      // A member gets no link to what is another's.
      if (error instanceof OAuthError) return undefined;
      this.logger.warn(`No reauth_url for ${id}: ${error instanceof Error ? error.name : 'unknown fault'}`);
      return undefined;
    }
  }
}
