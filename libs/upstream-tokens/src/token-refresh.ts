import type { Clock } from '@app/config';
import { UpstreamError } from '@app/oauth-providers';
import { OutboundError, type OutboundAnswer, type OutboundCalls } from '@app/outbound';
import type { RefreshAnswer } from './refresh-answer.js';
import { refreshFailure, refreshOutcome } from './refresh-outcome.js';
import { prepareRequest, type OAuthProviderConfig, type PreparedRequest } from './token-request.js';
import type { EndpointAddresses } from './upstream-endpoints.js';

export interface RefreshOptions {
  /** The scope that was granted; sent only where the provider needs to hear it again (RFC 6749 §6). */
  readonly scope?: string | undefined;
  /** Kept so far beside the tokens; comes back in the answer, renewed. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Ends the wait. After the request was written that leaves an ambiguous outcome. */
  readonly signal?: AbortSignal | undefined;
  /** Called once, synchronously, right before the first byte goes out. Must not throw. */
  readonly onWritten?: (() => void) | undefined;
}

const NO_METADATA: Readonly<Record<string, string>> = {};

/** Refreshes at one provider (RFC 6749 §6). The hot path of the vault: what does not change is made once. */
export class TokenRefresh {
  #prepared: { readonly url: string; readonly request: PreparedRequest } | undefined;
  readonly #clientSecret: string | undefined;

  constructor(
    private readonly config: OAuthProviderConfig,
    private readonly calls: OutboundCalls,
    private readonly clock: Clock,
    private readonly addresses: () => EndpointAddresses | Promise<EndpointAddresses>,
  ) {
    this.#clientSecret = config.clientSecret?.reveal();
  }

  async refresh(refreshToken: string, options: RefreshOptions): Promise<RefreshAnswer> {
    const { tokens: rules } = this.config;
    let request: PreparedRequest;
    try {
      request = this.#request(await this.addresses());
    } catch (error) {
      if (error instanceof OutboundError) return refreshFailure(error);
      const detail = error instanceof UpstreamError ? error.detail : 'the request could not be made';
      return { kind: 'transient', giveUp: 'never', code: 'provider_unavailable', detail, status: undefined };
    }
    const parameters: [string, string][] = [['refresh_token', refreshToken]];
    if (rules.refreshScope === 'repeat' && options.scope !== undefined) {
      parameters.push(['scope', this.#scope(options.scope)]);
    }
    let answer: OutboundAnswer;
    try {
      answer = await this.calls.send(request.call, request.bodyWith(parameters), options);
    } catch (error) {
      return refreshFailure(error);
    }
    return refreshOutcome(answer, {
      rules,
      now: this.clock(),
      metadata: options.metadata ?? NO_METADATA,
      secrets: [refreshToken, this.#clientSecret],
    });
  }

  #scope(scope: string): string {
    const { scopeSeparator } = this.config.tokens;
    return scopeSeparator === ' ' ? scope : scope.split(' ').join(scopeSeparator);
  }

  #request({ refresh: url }: EndpointAddresses): PreparedRequest {
    if (this.#prepared?.url === url) return this.#prepared.request;
    const { tokenRequest, refreshParameters } = this.config.tokens;
    const parameters = { grant_type: 'refresh_token', ...refreshParameters };
    const request = prepareRequest(this.calls, this.config, url, tokenRequest, parameters);
    this.#prepared = { url, request };
    return request;
  }
}
