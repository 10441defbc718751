import { LyingOidcServer } from '../test/lying-oidc-server.js';
import { anOidcProvider, anOutbound, REDIRECT_URI } from '../test/provider-configs.js';
import { OidcConnector } from './oidc-connector.js';
import type { OutboundFetch } from '@app/outbound';
import type { BeginRequest, UpstreamTransaction } from './upstream-connector.js';

/** One lying provider and the way out to it, for each test of a suite. */
export class OidcLogins {
  upstream: LyingOidcServer;
  private outbound: OutboundFetch;

  async start(): Promise<void> {
    this.upstream = await LyingOidcServer.start();
    this.outbound = anOutbound();
  }

  async stop(): Promise<void> {
    await this.outbound.close();
    await this.upstream.stop();
  }

  connect(about: Parameters<typeof anOidcProvider>[1] = {}): OidcConnector {
    return new OidcConnector(anOidcProvider(this.upstream.issuer, about), {
      outbound: this.outbound,
      clock: () => new Date(),
      schedule: () => ({ cancel: () => undefined }),
      clockSkewSeconds: 60,
    });
  }

  async begin(connector: OidcConnector, request: Partial<BeginRequest> = {}) {
    const begun = await connector.begin({ state: 'state-of-ours', redirectUri: REDIRECT_URI, ...request });
    if (begun.kind !== 'redirect') throw new Error('no redirect');
    // As the login transaction does: through JSON.
    return { url: begun.url, transaction: JSON.parse(JSON.stringify(begun.transaction)) as UpstreamTransaction };
  }

  async login(connector: OidcConnector = this.connect(), request: Partial<BeginRequest> = {}) {
    const { url, transaction } = await this.begin(connector, request);
    return connector.complete(this.upstream.answer(url), transaction, REDIRECT_URI);
  }
}

/** Seconds since the epoch. */
export const now = () => Math.floor(Date.now() / 1_000);
