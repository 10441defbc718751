import type { Clock, GatehouseConfig, TestProviderConfig } from '@app/config';
import { isLoopbackHost } from '@app/outbound';
import type { BeginRequest, Begun, Completed, ConnectorStatus, UpstreamConnector } from './upstream-connector.js';
import { UpstreamError } from './upstream-error.js';

/** A whole number from 0 up to, and without, `limit`. */
export type RandomBelow = (limit: number) => number;

/** Tested before lower-casing, which would turn some letters outside ASCII into ones inside. */
const LOGIN_HINT = /^[A-Za-z0-9][A-Za-z0-9-]{1,18}[A-Za-z0-9]$/;

/**
 * The `test` provider (D22): no upstream, no password; whoever asks is the user that `login_hint` names. It signs
 * anybody in as anybody, so it exists only outside production and only where nobody else can reach us.
 */
export class TestConnector implements UpstreamConnector {
  readonly type = 'test';
  readonly sendsIss = false;

  /** @throws Error in production, and where the public URL is not loopback (D22) */
  constructor(
    private readonly config: TestProviderConfig,
    place: Pick<GatehouseConfig, 'production' | 'publicUrl'>,
    private readonly clock: Clock,
    private readonly randomBelow: RandomBelow,
  ) {
    if (place.production) {
      throw new Error(`provider "${config.id}": type test signs in anybody as anybody; remove it in production`);
    }
    if (!isLoopbackHost(new URL(place.publicUrl).hostname)) {
      throw new Error(`provider "${config.id}": type test runs only where PUBLIC_URL is on a loopback host`);
    }
  }

  status(): ConnectorStatus {
    return { state: 'ready' };
  }

  /** @throws UpstreamError `invalid_request` for a hint of the wrong shape: a random user in its place would surprise */
  async begin({ loginHint }: BeginRequest): Promise<Begun> {
    if (loginHint !== undefined && !LOGIN_HINT.test(loginHint)) {
      const shape = '3 to 20 of a-z, 0-9 and "-", no "-" at the edges';
      throw new UpstreamError('invalid_request', `login_hint of the test provider must be ${shape}`);
    }
    const user = loginHint?.toLowerCase() ?? `testuser-${this.#eightDigits()}`;
    const email = `${user}@test.tmi`;
    return {
      kind: 'identity',
      identity: {
        provider: this.config.id,
        issuer: 'urn:gatehouse:test',
        subject: email,
        email,
        emailVerified: true,
        name: `${user.charAt(0).toUpperCase()}${user.slice(1)} (Test User)`,
        groups: ['test-users'],
        authTime: Math.floor(this.clock().getTime() / 1_000),
        acr: undefined,
        amr: undefined,
      },
    };
  }

  async complete(): Promise<Completed> {
    throw new UpstreamError('invalid_response', 'the test provider completes at once and has no callback');
  }

  #eightDigits(): string {
    return this.randomBelow(100_000_000).toString().padStart(8, '0');
  }
}
