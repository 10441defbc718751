import { quoteUpstream } from '@app/oauth-providers';

/** Shorter ones are found in ordinary words too, and are no secrets. */
const SHORTEST_SECRET = 6;

/**
 * What an upstream said, fit for a log (see quoteUpstream), with the secrets of this exchange blanked: some endpoints
 * quote the very token that they refuse, as it was sent or as it stood in the form.
 */
export function quoteWithout(secrets: readonly (string | undefined)[], text: string): string {
  let blanked = text;
  for (const secret of secrets) {
    if (secret === undefined || secret.length < SHORTEST_SECRET) continue;
    for (const spelling of new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])) {
      blanked = blanked.replaceAll(spelling, '[…]');
    }
  }
  return quoteUpstream(blanked);
}
