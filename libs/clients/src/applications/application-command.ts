import { parseArgs } from 'node:util';
import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { DEVICE_CODE_GRANT, SIGN_IN_SCOPES, type ApplicationGrantType } from '@app/oauth2';
import type { ApplicationSettings } from './application.js';
import { ApplicationRegistry } from './application-registry.js';
import { applicationFaults } from './application-rules.js';

const USAGE = `usage: gatehouse application:create --organization <name> --name <text> --redirect-uri <uri>|--device [options]
options:
  --redirect-uri <uri>              where people come back to; may be given several times
  --device                          it runs on devices without a browser; then --redirect-uri may be left out
  --post-logout-redirect-uri <uri>  where people may be sent after a logout; may be given several times
  --scope <scope>                   may be given several times; without it all: ${SIGN_IN_SCOPES.join(' ')}
  --resource <uri>                  an API that it may ask tokens for; may be given several times
  --public                          it has no secret, as programs on people's own devices cannot keep one
  --dpop                            it gets no token without a DPoP proof, so its access tokens are bound to a key
  --consent=skip                    people of the organization are not asked`;

/** Settings by the names that this command has for them. */
const FLAGS: Readonly<Record<string, string>> = {
  redirect_uris: '--redirect-uri',
  post_logout_redirect_uris: '--post-logout-redirect-uri',
  scopes: '--scope',
  resources: '--resource',
  consent: '--consent',
};

interface Wanted {
  readonly organization: string;
  readonly settings: ApplicationSettings;
}

/** The command `application:create`: how the operator registers an application without the file and without a token. */
@Injectable()
export class ApplicationCommand {
  constructor(
    private readonly database: Database,
    private readonly registry: ApplicationRegistry,
  ) {}

  /**
   * @param args what follows the command's name.
   * @returns text for the terminal, which holds the secret this once.
   * @throws Error that says what to change, with the usage
   */
  async create(args: readonly string[]): Promise<string> {
    const wanted = readArguments(args);
    if (wanted === 'help') return USAGE;
    const [organization] = await this.database.query<{ id: string; name: string }>(
      `SELECT id, name FROM organizations WHERE name = $1 OR id::text = lower($1)`,
      [wanted.organization],
    );
    if (organization === undefined)
      throw new Error(`there is no organization ${JSON.stringify(wanted.organization)}; list it in the configuration`);
    const keeper = { organizationId: organization.id, actor: 'command' };
    const { application, clientSecret } = await this.registry.create(keeper, wanted.settings, {});
    const registered = `${application.name} is registered for ${organization.name}`;
    if (clientSecret === undefined)
      return `${registered}. It is public and has no secret.\nclient_id: ${application.clientId}`;
    return `${registered}. Its secret is shown this once:\nclient_id: ${application.clientId}\nclient_secret: ${clientSecret}`;
  }
}

function readArguments(args: readonly string[]): Wanted | 'help' {
  const values = parsed(args);
  if (values.help === true) return 'help';
  const { organization, name, consent = 'ask' } = values;
  const { 'redirect-uri': redirectUris = [], device = false } = values;
  const comesFromNowhere = redirectUris.length === 0 && !device;
  if (organization === undefined || name === undefined || comesFromNowhere) throw new Error(USAGE);
  if (!/^(?!\s)[^\p{Cc}\p{Cs}]{1,100}(?<!\s)$/u.test(name))
    throw wrong('--name must have 1 to 100 characters, no control characters and no space at its ends');
  if (consent !== 'ask' && consent !== 'skip') throw wrong('--consent must be ask or skip');
  const settings: ApplicationSettings = {
    name,
    logoUri: undefined,
    redirectUris,
    postLogoutRedirectUris: values['post-logout-redirect-uri'] ?? [],
    scopes: values.scope?.flatMap((text) => text.split(/[\s,]+/).filter((one) => one !== '')) ?? SIGN_IN_SCOPES,
    grantTypes: grantsOf(redirectUris, device),
    tokenEndpointAuthMethod: values.public === true ? 'none' : 'client_secret_basic',
    jwks: undefined,
    resources: values.resource ?? [],
    consent,
    dpopBoundAccessTokens: values.dpop === true,
    backchannelLogoutUri: undefined,
    frontchannelLogoutUri: undefined,
  };
  const faults = applicationFaults(settings);
  if (faults.length > 0)
    throw wrong(faults.map(({ field, message }) => `${FLAGS[field] ?? field} ${message}`).join('\n'));
  return { organization, settings };
}

function grantsOf(redirectUris: readonly string[], device: boolean): readonly ApplicationGrantType[] {
  const all = ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT] as const;
  return all.filter((grant) => {
    if (grant === 'authorization_code') return redirectUris.length > 0;
    return grant === 'refresh_token' || device;
  });
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const texts = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        organization: text,
        name: text,
        'redirect-uri': texts,
        'post-logout-redirect-uri': texts,
        scope: texts,
        resource: texts,
        device: { type: 'boolean' },
        public: { type: 'boolean' },
        dpop: { type: 'boolean' },
        consent: text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : 'unreadable arguments');
  }
}

function wrong(message: string): Error {
  return new Error(`${message}\n${USAGE}`);
}
