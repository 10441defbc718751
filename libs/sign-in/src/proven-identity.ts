import type { IdentityClaim } from '@app/directory';
import type { SamlIdentity } from '@app/saml';

/** What a provider vouched for, whatever protocol it spoke. */
export interface ProvenIdentity extends IdentityClaim {
  /** Seconds since the epoch; undefined: now. */
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
  /** There for a login by SAML: what ends its session from the other side. */
  readonly saml?: SamlAuthentication;
}

type SamlAuthentication = Pick<SamlIdentity, 'nameId' | 'sessionIndexes' | 'authnInstant' | 'sessionNotOnOrAfter'>;
