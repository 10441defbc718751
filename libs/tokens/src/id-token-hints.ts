import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ANY_AUDIENCE, InvalidToken, SigningKeys } from '@app/keys';
import { ID_TOKEN_TYPE } from './token-issuer.js';

/** Whom an ID token of ours was about. */
export interface IdTokenHint {
  readonly userId: string;
  /** The client that it was issued to. */
  readonly clientId: string;
  /** The person's session here that it came out of. */
  readonly sid: string;
}

const YEAR_SECONDS = 366 * 86_400;

/** Reads `id_token_hint` (OIDC Core §3.1.2.1, RP-Initiated Logout §2): ours, whatever its age; a hint, not a credential. */
@Injectable()
export class IdTokenHints {
  constructor(
    private readonly keys: SigningKeys,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Undefined when no key of ours that is still known signed it. */
  async read(hint: string): Promise<IdTokenHint | undefined> {
    try {
      const { sub, aud, sid } = await this.keys.verify(hint, {
        typ: ID_TOKEN_TYPE,
        issuer: this.config.publicUrl,
        audience: ANY_AUDIENCE,
        now: this.clock(),
        clockToleranceSeconds: YEAR_SECONDS,
      });
      if (typeof sub !== 'string' || typeof aud !== 'string' || typeof sid !== 'string') return undefined;
      return { userId: sub, clientId: aud, sid };
    } catch (error) {
      if (error instanceof InvalidToken) return undefined;
      throw error;
    }
  }
}
