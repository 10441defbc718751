import { Injectable } from '@nestjs/common';
import { VaultHealth } from '@app/vault';

/** A look that takes longer would keep an operator waiting for the rest. */
const PATIENCE_MS = 2_000;

interface TroubledProvider {
  readonly id: string;
  readonly due: number;
  readonly expired: number;
  readonly needsReauth: number;
  /** Why nothing is asked of it. */
  readonly resting?: string;
}

/** `degraded` makes nobody unready: another instance would see the same providers and the same rows. */
export type VaultState =
  | { readonly state: 'ok' | 'degraded'; readonly providers: readonly TroubledProvider[] }
  | { readonly state: 'unknown' };

/** For the operators' part of /health/ready: the providers whose tokens are not all as they should be. */
@Injectable()
export class VaultReadiness {
  constructor(private readonly health: VaultHealth) {}

  async report(): Promise<VaultState> {
    let timer: NodeJS.Timeout | undefined;
    const impatience = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    });
    try {
      return (await Promise.race([this.look(), impatience])) ?? { state: 'unknown' };
    } catch {
      return { state: 'unknown' };
    } finally {
      clearTimeout(timer);
    }
  }

  private async look(): Promise<VaultState> {
    const { providers } = await this.health.report();
    const troubled = providers
      .filter(({ expired, needsReauth, breaker }) => expired > 0 || needsReauth > 0 || breaker !== undefined)
      .map(({ providerId, due, expired, needsReauth, breaker }) => ({
        id: providerId,
        due,
        expired,
        needsReauth,
        ...(breaker === undefined ? {} : { resting: breaker.reason }),
      }));
    return { state: troubled.length === 0 ? 'ok' : 'degraded', providers: troubled };
  }
}
