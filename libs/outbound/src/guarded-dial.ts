import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { OutboundError } from './outbound-error.js';
import { isPublicAddress } from './public-address.js';

/** Bytes of header that an answer may bring. */
export const MAX_HEADER_BYTES = 16_384;

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Name to addresses; asked once for each dial. */
export type ResolveHost = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export const resolveByDns: ResolveHost = (hostname) => dnsLookup(hostname, { all: true, verbatim: true });

/** Checks at the dial itself: literals here, names in the lookup whose answer is what the socket connects to. */
export function guardedConnector(
  limits: { readonly allowPrivate: boolean },
  timeoutMs: number,
  resolve: ResolveHost,
): buildConnector.connector {
  const dial = buildConnector({ timeout: timeoutMs, lookup: guardedLookup(limits, resolve) });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (!limits.allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) {
      callback(new OutboundError('address_refused', `${host} is not a public address`), null);
      return;
    }
    dial(options, callback);
  };
}

function guardedLookup(limits: { readonly allowPrivate: boolean }, resolve: ResolveHost): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const refused = limits.allowPrivate ? undefined : addresses.find(({ address }) => !isPublicAddress(address));
        const first = addresses[0];
        if (refused) {
          const message = `${hostname} resolves to ${refused.address}, which is not a public address`;
          callback(new OutboundError('address_refused', message), []);
        } else if (!first) {
          callback(new OutboundError('network', `${hostname} resolves to no address`), []);
        } else if (options.all) {
          callback(null, [...addresses]);
        } else {
          callback(null, first.address, first.family);
        }
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}
