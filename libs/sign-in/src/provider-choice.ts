import { Injectable } from '@nestjs/common';
import type { SamlProviderConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { ProviderRegistry, type Provider } from '@app/oauth-providers';
import { IdentityProviders } from '@app/saml';
import type { AuthorizationRequest } from './authorization-request.js';
import { escapeHtml } from './page.js';

/** Where a login goes, whatever the provider speaks; ids are one namespace (D55). */
export type ChosenProvider =
  | { readonly protocol: 'oauth'; readonly id: string; readonly name: string; readonly provider: Provider }
  | { readonly protocol: 'saml'; readonly id: string; readonly name: string; readonly provider: SamlProviderConfig };

/** The providers that a login may go to: enabled ones of either protocol (R11). */
@Injectable()
export class ProviderChoice {
  constructor(
    private readonly oauth: ProviderRegistry,
    private readonly saml: IdentityProviders,
  ) {}

  /** Those of an organization, by its name; without one all. */
  private serving(organization: string | undefined): ChosenProvider[] {
    const all = this.list();
    if (organization === undefined) return all;
    return all.filter((chosen) => organizationOf(chosen) === organization);
  }

  /** In the order of the configuration, OAuth before SAML. */
  list(): ChosenProvider[] {
    return [
      ...this.oauth.list().map((provider): ChosenProvider => {
        const { id, name } = provider.config;
        return { protocol: 'oauth', id, name, provider };
      }),
      ...this.saml.list().map((provider): ChosenProvider => {
        const { id, name } = provider;
        return { protocol: 'saml', id, name, provider };
      }),
    ];
  }

  /** Those of one organization, or all, as links in HTML. `addressOf` answers where the login at a provider begins. */
  links(organization: string | undefined, addressOf: (id: string) => string): string {
    const items = this.serving(organization).map(
      ({ id, name }) => `<li><a href="${escapeHtml(addressOf(id))}">${escapeHtml(name)}</a></li>`,
    );
    return `<ul class="providers">${items.join('')}</ul>`;
  }

  /**
   * D55: the one asked for; without one `test` where it runs, the only one, or the only one that vouches for the domain of
   * the e-mail address in `login_hint`; undefined: the person must choose.
   * @throws OAuthError `invalid_request` for an id that is none, or none of the organization's
   */
  choose({ idp, organization, loginHint, party = 'first' }: Asked): ChosenProvider | undefined {
    const all = this.serving(organization);
    if (idp === undefined) {
      if (all.length === 1) return all[0];
      return (party === 'first' ? all.find(isTest) : undefined) ?? onlyOneOf(all, domainOf(loginHint));
    }
    const found = all.find(({ id }) => id === idp);
    if (found === undefined)
      throw new OAuthError(
        'invalid_request',
        'idp is not a configured provider; see /oauth2/providers and /saml/providers',
      );
    return found;
  }
}

/** The part of an authorization request that decides. */
type Asked = Partial<Pick<AuthorizationRequest, 'idp' | 'organization' | 'loginHint' | 'party'>>;

function domainOf(loginHint: string | undefined): string | undefined {
  return /^[^@\s]+@([^@\s]+)$/.exec(loginHint ?? '')?.[1]?.toLowerCase();
}

/** Two that vouch for one domain are no answer: which of them, the person must say. */
function onlyOneOf(all: readonly ChosenProvider[], domain: string | undefined): ChosenProvider | undefined {
  if (domain === undefined) return undefined;
  const vouching = all.filter((chosen) => domainsOf(chosen).includes(domain));
  return vouching.length === 1 ? vouching[0] : undefined;
}

function organizationOf(chosen: ChosenProvider): string {
  return chosen.protocol === 'saml' ? chosen.provider.organization : chosen.provider.config.organization;
}

function domainsOf(chosen: ChosenProvider): readonly string[] {
  return chosen.protocol === 'saml'
    ? chosen.provider.verifiedEmailDomains
    : chosen.provider.config.linkByVerifiedEmailDomains;
}

function isTest(chosen: ChosenProvider): boolean {
  return chosen.protocol === 'oauth' && chosen.provider.config.type === 'test';
}
