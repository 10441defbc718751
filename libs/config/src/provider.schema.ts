import { z } from 'zod';
import { presetNames } from './provider-presets/presets.js';
import { documented, section } from './setting-docs.js';
import { flag, kinds, listOf, secretText, text, url } from './setting-kinds.js';
import { upstreamTokenShape } from './upstream-token.schema.js';

/** D55: one namespace for every provider; these words are taken by routes of ours. */
export const reservedProviderIds: readonly string[] = ['providers', 'acs', 'slo', 'complete'];
export const providerIdPattern = /^[a-zA-Z][a-zA-Z0-9_-]{0,99}$/;

const providerId = z
  .string('must be text')
  .regex(providerIdPattern, 'must begin with a letter and have at most 100 of A-Z a-z 0-9 _ -')
  .register(kinds, { text: 'text' });

/** A mail domain as the rules about e-mail compare it: lower case, never a wildcard. */
export const mailDomain = z
  .string('must be a mail domain, like example.com')
  .regex(
    /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a mail domain in lower case without the @, like example.com',
  );

/** D17: e-mail links only in domains that the administrator names, so `true` alone would promise too much. */
const linkDomains = z
  .preprocess(
    (value) => (value === false || value === 'false' ? [] : value),
    z.array(
      mailDomain,
      'must be false, or the list of mail domains in which a verified address may link, like [example.com]',
    ),
  )
  .register(kinds, { text: '`false` or list of domains' });

/** Gatehouse sets these itself; another value would unbind the login from its transaction. */
// prettier-ignore
const ownParameters = new Set([
  'client_id', 'client_secret', 'redirect_uri', 'response_type', 'response_mode', 'scope', 'state', 'nonce',
  'code_challenge', 'code_challenge_method', 'request', 'request_uri',
]);

const authorizationParameters = z
  .record(
    z.string().refine((name) => !ownParameters.has(name), 'is set by Gatehouse itself; remove it'),
    z.preprocess((value) => (typeof value === 'number' ? String(value) : value), text()),
    'must be a section of `name: value` lines',
  )
  .register(kinds, { text: 'section of `name: value`' });

/** What a provider of any protocol has. */
export const commonProviderShape = {
  id: documented(
    providerId,
    'Name in URLs and tokens, unique among all providers: a letter, then up to 99 of `A-Z a-z 0-9 _ -`; not `providers`, `acs`, `slo` or `complete`.',
  ),
  name: documented(text(100).optional(), 'What people read on the sign-in page.', 'the id'),
  icon: documented(text().optional(), 'Icon for the sign-in page.'),
  enabled: documented(flag().default(true), 'A disabled provider signs nobody in, at any endpoint.'),
  organization: documented(text(100).default('default'), 'Organization that a first sign-in joins.'),
  link_by_verified_email: documented(
    linkDomains.default([]),
    'Mail domains in which a verified address may join an existing user of the same organization; a provider of that user must list the domain too.',
    '`false`',
  ),
};

/** Shown as the default of what a preset may bring. */
const orPreset = (otherwise: string): string => `the preset’s; else ${otherwise}`;

const hostName = z
  .string('must be a host name')
  .regex(
    /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a host name in lower case without https:// and without a path, like acme.example.com',
  );

const tenantName = z
  .string('must be text')
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?$/, 'must be 1 to 128 of A-Z a-z 0-9 . -');

const oauth = {
  preset: documented(
    z.enum(presetNames).optional(),
    'A well-known provider, whose addresses and habits need not be written here; docs/providers.md lists them. Every key that is written wins.',
  ),
  preset_host: documented(
    hostName.optional(),
    'The host of your own site, for presets that need one, like acme.zendesk.com.',
  ),
  preset_tenant: documented(tenantName.optional(), 'The directory (tenant), for presets that have one.'),
  sign_in: documented(
    flag().default(true),
    '`false`: for connections alone; nobody signs in with it, and it is not listed at /oauth2/providers.',
  ),
  client_id: documented(text(), 'Our client identifier at the provider.'),
  client_secret: documented(
    secretText(/^[\x20-\x7e]{1,2048}$/, 'must be 1 to 2048 printable ASCII characters (RFC 6749 A.2)').optional(),
    'Our secret at the provider; write it as `${NAME}`.',
  ),
  callback: documented(
    z.enum(['shared', 'own']).default('shared'),
    '`shared`: `/oauth2/callback`; `own`: `/oauth2/callback/{id}`. At most one provider that sends no RFC 9207 `iss` may share.',
  ),
  token_endpoint_auth_method: documented(
    z.enum(['client_secret_basic', 'client_secret_post', 'none']).optional(),
    'How our secret travels to the token endpoint.',
    orPreset('`client_secret_basic`, and `none` without a secret'),
  ),
  authorization_parameters: documented(
    authorizationParameters.default({}),
    'Sent as they are on the authorization request, e.g. `access_type: offline`; beside those of the preset.',
  ),
  ...upstreamTokenShape,
};

const scope = z
  .string('must be text')
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'must be one scope without spaces or quotes (RFC 6749 §3.3)');

/** No `none` and no HS*: a symmetric signature proves nothing to us that the client secret would not (R33). */
// prettier-ignore
const signatureAlgorithms = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
] as const;

export const oidcProviderSchema = section({
  type: documented(z.literal('oidc'), 'OpenID Connect: everything else comes from the discovery document.'),
  ...commonProviderShape,
  issuer: documented(url().optional(), 'Issuer, exactly as the provider writes it.', '**obligatory** without a preset'),
  ...oauth,
  scopes: documented(
    listOf(scope)
      .refine((scopes) => scopes.includes('openid'), 'must contain openid; without it there is no ID token')
      .optional(),
    'Scopes to ask for; `offline_access` asks for a refresh token.',
    orPreset('`[openid, profile, email]`'),
  ),
  groups_claim: documented(text(256).default('groups'), 'Claim that lists the groups of the person.'),
  id_token_signed_response_alg: documented(
    z.enum(signatureAlgorithms).optional(),
    'Insist on this signature algorithm of ID tokens.',
    'what discovery offers, never `none` or HS*',
  ),
});

export const oauth2ProviderSchema = section({
  type: documented(z.literal('oauth2'), 'Plain OAuth 2.0 without ID token: the identity is read from an API.'),
  ...commonProviderShape,
  authorization_url: documented(url().optional(), 'Where the browser is sent.', '**obligatory** without a preset'),
  token_url: documented(url().optional(), 'Where codes are redeemed.', '**obligatory** without a preset'),
  userinfo_url: documented(
    url().optional(),
    'Where the identity is read; not needed with `sign_in: false`.',
    '**obligatory** without a preset that has it',
  ),
  emails_url: documented(
    url().optional(),
    'GitHub-like list of addresses, when the identity has no verified one.',
    orPreset('none'),
  ),
  issuer: documented(url().optional(), 'RFC 9207 `iss` that the provider sends and that must match.'),
  ...oauth,
  scopes: documented(listOf(scope).optional(), 'Scopes to ask for.', orPreset('none')),
  pkce: documented(
    flag().optional(),
    'Send a PKCE challenge (S256); switch off only for a provider that refuses it.',
    orPreset('`true`'),
  ),
  subject_field: documented(text(256).optional(), 'Field of the identity that never changes.', orPreset('`id`')),
  email_field: documented(text(256).optional(), 'Field with the e-mail address.', orPreset('`email`')),
  email_verified_field: documented(
    text(256).optional(),
    'Field that says whether it is verified.',
    orPreset('`email_verified`'),
  ),
  name_field: documented(text(256).optional(), 'Field with the name.', orPreset('`name`')),
  groups_field: documented(text(256).default('groups'), 'Field with the list of groups.'),
});

export const testProviderSchema = section({
  type: documented(z.literal('test'), 'Built in, without an upstream; development on a loopback `public_url` only.'),
  ...commonProviderShape,
});

export const providerSchema = z.discriminatedUnion(
  'type',
  [oidcProviderSchema, oauth2ProviderSchema, testProviderSchema],
  {
    error: (issue) =>
      issue.code === 'invalid_union' ? 'must be oidc, oauth2 or test' : 'must be a section of `key: value` lines',
  },
);

export type ProviderSettings = z.output<typeof providerSchema>;
