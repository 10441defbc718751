import type { FastifyRequest } from 'fastify';
import { OAuthError } from '@app/oauth2';
import type { Provider } from '@app/oauth-providers';
import type { BrowserBinding } from './browser-binding.js';

/** What somebody went to a provider for, as refusals call it. */
export type Errand = 'sign-in' | 'connection';

/** A provider that sends browsers back, and to which of our addresses (D35). */
export interface ReturningProvider {
  readonly id: string;
  readonly callback: 'shared' | 'own';
}

/** The same of a provider for sign-ins. */
export function returningProvider({ config }: Provider): ReturningProvider {
  return { id: config.id, callback: config.type === 'test' ? 'shared' : config.callback };
}

/** What was stored when the browser left. */
export interface Departure {
  readonly upstreamRedirectUri: string;
  /** Hash of the browser's id (D10). */
  readonly browser: string;
}

/** Where a provider sends the browser back to (D35). */
export function callbackUrl(publicUrl: string, provider: ReturningProvider): string {
  return `${publicUrl}/oauth2/callback${provider.callback === 'own' ? `/${provider.id}` : ''}`;
}

/** The raw query: a connector must see exactly what came, repeated parameters included. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const at = request.url.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : request.url.slice(at + 1));
}

/** The refusal of a `state` that was never ours, is over or was taken, or whose provider is gone. */
export function unknownErrand(errand: Errand): OAuthError {
  return new OAuthError('invalid_request', `This ${errand} is unknown, finished or too old; start again`, {
    logDetail: 'state is unknown, or its provider is gone or changed',
  });
}

/**
 * Whether a browser that comes back may go on with what was begun: at the address of its provider, in the browser that
 * left (R19, R20, D10, D35). The same for every errand; until it holds there is nobody to tell but who asked.
 *
 * @param own the provider named by the address, for those with a callback of their own
 * @throws OAuthError `invalid_request`
 */
export function assertReturned(
  errand: Errand,
  departure: Departure,
  provider: ReturningProvider,
  arrival: {
    readonly publicUrl: string;
    readonly own: string | undefined;
    readonly browsers: BrowserBinding;
    readonly request: FastifyRequest;
  },
): void {
  const { publicUrl, own, browsers, request } = arrival;
  if (departure.upstreamRedirectUri !== callbackUrl(publicUrl, provider)) throw unknownErrand(errand);
  if (own !== (provider.callback === 'own' ? provider.id : undefined))
    throw new OAuthError('invalid_request', `This ${errand} came back to the wrong address; start again`, {
      logDetail: `the transaction is of ${provider.id}`,
    });
  if (!browsers.matches(request, departure.browser))
    throw new OAuthError('invalid_request', `This ${errand} was begun in another browser; start again in this one`, {
      logDetail: 'the browser cookie is absent or not the one of the transaction',
    });
}
