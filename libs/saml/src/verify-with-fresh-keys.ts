import type { SamlProviderConfig } from '@app/config';
import { IdentityProviders } from './metadata/identity-providers.js';
import type { IdpDescription } from './metadata/idp-description.js';
import type { Verified } from './saml-verifier.js';
import { failedForUnknownKey, withFingerprints } from './validation/named-certificates.js';
import { failed, type Verdict } from './verdict.js';

type VerifiedBy<Facts> =
  | { readonly ok: true; readonly facts: Facts; readonly idp: IdpDescription; readonly verdicts: readonly Verdict[] }
  | { readonly ok: false; readonly verdicts: readonly Verdict[] };

/**
 * Verifies with the keys of a provider's metadata, and once more with newer ones where none of them fits: an IdP may
 * change its key before we ask for its metadata again. How often strangers can make us ask is limited there. Which
 * identity provider it was is answered too, for the second try may know another description.
 *
 * @param posted the form field, where the message came by POST: a refusal then tells which certificate it names
 */
export async function verifyWithFreshKeys<Facts>(
  identityProviders: IdentityProviders,
  provider: SamlProviderConfig,
  posted: string | undefined,
  verify: (idp: IdpDescription) => Promise<Verified<Facts>>,
): Promise<VerifiedBy<Facts>> {
  let tried: readonly string[] = [];
  const attempt = async (): Promise<VerifiedBy<Facts>> => {
    // R11: asked at every use and never remembered.
    const idp = identityProviders.find(provider.id) === undefined ? undefined : identityProviders.describe(provider.id);
    if (idp === undefined)
      return refuse(failed('provider', 'an enabled provider whose metadata is known', `"${provider.id}"`));
    // R8: an empty set of keys is nobody's signature, whatever a verifier would make of it.
    if (idp.signingCertificates.length === 0)
      return refuse(failed('certificate', 'a signing certificate in the metadata', 'none'));
    tried = idp.signingCertificates;
    const verified = await verify(idp);
    return verified.ok ? { ...verified, idp } : verified;
  };
  const explained = async (): Promise<VerifiedBy<Facts>> => {
    const result = await attempt();
    return result.ok ? result : { ok: false, verdicts: withFingerprints(result.verdicts, tried, posted) };
  };
  const first = await explained();
  if (first.ok || !failedForUnknownKey(first.verdicts)) return first;
  return (await identityProviders.refreshForUnknownKey(provider.id, tried)) ? explained() : first;
}

function refuse(verdict: Verdict): { readonly ok: false; readonly verdicts: readonly Verdict[] } {
  return { ok: false, verdicts: [verdict] };
}
