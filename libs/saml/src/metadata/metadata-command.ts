import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { fingerprintOf } from '../fingerprint.js';
import { quoteFound } from '../verdict.js';
import { IdpMetadataRepository, type StoredMetadata } from './idp-metadata.repository.js';
import { compareMetadata, type MetadataChange } from './metadata-change.js';
import { MetadataRefresh, type RefreshOutcome } from './metadata-refresh.js';
import { sourceOf } from './metadata-source.js';
import { lifeAt } from './refresh-time.js';

const USAGE = 'usage: gatehouse saml:metadata [provider [--accept|--refresh]]';

/** The command `saml:metadata`: what is kept of identity providers, and an administrator's word about what is held. */
@Injectable()
export class MetadataCommand {
  private readonly providers: readonly SamlProviderConfig[];

  constructor(
    private readonly repository: IdpMetadataRepository,
    private readonly metadata: MetadataRefresh,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.providers = config.samlProviders.filter((provider) => provider.enabled);
  }

  /**
   * @param args what follows the command's name.
   * @returns text for the terminal; @throws Error with the usage, for a provider that is not configured, where
   *   nothing is held, or where a refresh fails.
   */
  async run(args: readonly string[], now: Date): Promise<string> {
    const [id, option, ...rest] = args;
    if (rest.length > 0 || id?.startsWith('-') === true) throw new Error(USAGE);
    if (id === undefined) return this.listAll(now);
    const provider = this.providers.find((one) => one.id === id);
    if (provider === undefined) throw new Error(this.unknown(id));
    switch (option) {
      case undefined:
        return (await this.describe(provider, now)).join('\n');
      case '--refresh':
        return [outcomeText(await this.metadata.refresh(provider, now)), ...(await this.describe(provider, now))].join(
          '\n',
        );
      case '--accept': {
        const change = await this.metadata.accept(provider, now);
        return ['accepted:', ...changeLines(change), ...(await this.describe(provider, now))].join('\n');
      }
      default:
        throw new Error(USAGE);
    }
  }

  private async listAll(now: Date): Promise<string> {
    if (this.providers.length === 0) return 'No SAML provider is configured.';
    const states = new Map((await this.repository.states()).map((state) => [state.providerId, state]));
    const lines = this.providers.map((provider) => {
      const state = states.get(provider.id);
      if (state?.source !== sourceOf(provider)) return `${provider.id}: no metadata yet`;
      const validUntil = state.validUntil?.toISOString();
      const notes = [
        ...(state.heldReason === null ? [] : ['NEW METADATA IS HELD']),
        ...(state.lastError === null ? [] : ['the last refresh failed']),
        ...(lifeAt(now, { validUntil }) === 'valid' ? [] : [`expired at ${validUntil}`]),
      ];
      return `${provider.id}: ${quoteFound(state.entityId)}${notes.map((note) => `; ${note}`).join('')}`;
    });
    return lines.join('\n');
  }

  private async describe(provider: SamlProviderConfig, now: Date): Promise<string[]> {
    const row = await this.repository.find(provider.id);
    if (row === null || row.source !== sourceOf(provider)) {
      return [`${provider.id} has no metadata yet from ${sourceOf(provider)}`];
    }
    const idp = await this.metadata.read(provider, row.document);
    const validUntil = row.validUntil?.toISOString();
    return [
      `provider      ${provider.id}`,
      `source        ${row.source}`,
      `entityID      ${quoteFound(idp.entityId)}`,
      `fetched       ${row.fetchedAt.toISOString()}, next ${row.refreshAt.toISOString()}`,
      `valid until   ${validUntil ?? 'not said'}${lifeAt(now, { validUntil }) === 'valid' ? '' : ' (EXPIRED)'}`,
      ...idp.signingCertificates.map((certificate) => `signing key   ${fingerprintOf(certificate)}`),
      ...idp.singleSignOn.map(({ binding, location }) => `sign-on       ${binding} ${location}`),
      ...idp.singleLogout.map(({ binding, location }) => `logout        ${binding} ${location}`),
      ...(row.lastError === null ? [] : [`last error    ${row.lastError} (${row.lastErrorAt?.toISOString()})`]),
      ...(await this.describeHeld(provider, row)),
    ];
  }

  private async describeHeld(provider: SamlProviderConfig, row: StoredMetadata): Promise<string[]> {
    if (row.heldDocument === null) return [];
    const current = await this.metadata.read(provider, row.document);
    const held = await this.metadata.read(provider, row.heldDocument);
    return [
      '',
      `HELD since ${row.heldAt?.toISOString()}: ${row.heldReason}`,
      ...changeLines(compareMetadata(current, held)),
      ...held.singleSignOn.map(({ binding, location }) => `  sign-on  ${binding} ${location}`),
      'Ask the administrators of the identity provider whether these are theirs, over another way than this metadata.',
      `Then put it in force: gatehouse saml:metadata ${provider.id} --accept`,
    ];
  }

  private unknown(id: string): string {
    const known = this.providers.map((provider) => provider.id).join(', ');
    return `there is no enabled SAML provider ${JSON.stringify(id)}; there are: ${known === '' ? 'none' : known}`;
  }
}

/** @throws Error for a refresh that failed, so that scripts see it. */
function outcomeText(outcome: RefreshOutcome): string {
  switch (outcome.kind) {
    case 'loaded':
      return 'loaded';
    case 'same':
      return 'fetched; nothing changed';
    case 'changed':
      return `fetched and in force: ${outcome.change.reason}`;
    case 'held':
      return 'fetched and HELD, see below';
    case 'failed':
      throw new Error(`the metadata could not be refreshed: ${outcome.detail}`);
  }
}

function changeLines({ added, removed }: MetadataChange): string[] {
  return [
    ...added.map((fingerprint) => `  new key  ${fingerprint}`),
    ...removed.map((fingerprint) => `  old key  ${fingerprint} is gone`),
  ];
}
