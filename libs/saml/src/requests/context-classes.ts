import type { SamlProviderConfig } from '@app/config';

/**
 * What a login may ask for of the authentication context classes that it names (D32): all where the provider has no rule,
 * else those among its accepted ones. Anybody can write `acr_values` into a URL, so they narrow the rule and never replace
 * it. Undefined: none is left, and the login must not begin. Naming none leaves it at what is configured.
 */
export function narrowedClasses(
  { requestedAuthnContext }: Pick<SamlProviderConfig, 'requestedAuthnContext'>,
  asked: readonly string[],
): readonly string[] | undefined {
  if (requestedAuthnContext === undefined || asked.length === 0) return asked;
  const left = asked.filter((value) => requestedAuthnContext.accepted.includes(value));
  return left.length === 0 ? undefined : left;
}
