import { Injectable } from '@nestjs/common';
import type { SamlProviderConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { ProviderRegistry, type Provider } from '@app/oauth-providers';
import { IdentityProviders } from '@app/saml';
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

  /** The same as a list of links, in HTML. `addressOf` answers where the login at a provider begins. */
  links(addressOf: (id: string) => string): string {
    const items = this.list().map(
      ({ id, name }) => `<li><a href="${escapeHtml(addressOf(id))}">${escapeHtml(name)}</a></li>`,
    );
    return `<ul class="providers">${items.join('')}</ul>`;
  }

  /**
   * D55: the one asked for; without one `test` where it runs, or the only one; undefined: the person must choose.
   * @throws OAuthError `invalid_request` for an id that is none
   */
  choose(idp: string | undefined): ChosenProvider | undefined {
    const all = this.list();
    if (idp === undefined) return all.find(isTest) ?? (all.length === 1 ? all[0] : undefined);
    const found = all.find(({ id }) => id === idp);
    if (found === undefined)
      throw new OAuthError(
        'invalid_request',
        'idp is not a configured provider; see /oauth2/providers and /saml/providers',
      );
    return found;
  }
}

function isTest(chosen: ChosenProvider): boolean {
  return chosen.protocol === 'oauth' && chosen.provider.config.type === 'test';
}
