import { z } from 'zod';
import { commonProviderShape, mailDomain } from './provider.schema.js';
import { documented, section } from './setting-docs.js';
import { flag, kinds, listOf, text, url } from './setting-kinds.js';

const uriFault =
  'must be a URI of at most 1024 characters, like urn:example:gatehouse or https://login.example.com/saml';

/** RFC 3986 §3: a scheme and something after it; SAML core §8.3.6 sets the length of an entity identifier. */
const uri = () =>
  z
    .string(uriFault)
    .max(1024, uriFault)
    .regex(/^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/, uriFault)
    .register(kinds, { text: 'URI' });

const nameFault =
  'must be an attribute name, or a list of at most 32 in the order in which they are tried; each of 1 to 256 characters';

/** One name or several. Judged as a whole, because a single name has no place in a list that a fault could point to. */
const attributeNames = () =>
  z
    .unknown()
    .transform((value, context): string[] => {
      const names: unknown[] = Array.isArray(value) ? value : [value];
      const good = names.filter((name) => typeof name === 'string' && name.length >= 1 && name.length <= 256);
      if (good.length === names.length && names.length <= 32) return good as string[];
      context.addIssue({ code: 'custom', message: nameFault });
      return z.NEVER;
    })
    .register(kinds, { text: 'text or list of text' });

const attributes = section({
  subject: attributeNames().default([]),
  email: attributeNames().default([]),
  name: attributeNames().default([]),
  groups: attributeNames().default([]),
}).register(kinds, { text: 'section with `subject`, `email`, `name`, `groups`: name or list' });

const authnContext = section({
  classes: listOf(uri()).min(1, 'must name at least one class; remove requested_authn_context to ask for none'),
  comparison: z.enum(['exact', 'minimum', 'better', 'maximum']).default('exact'),
  accepted: listOf(uri())
    .min(1, 'must name at least one class; with comparison exact it can be removed, and means classes')
    .optional(),
}).register(kinds, { text: 'section with `classes`, `comparison` and `accepted`' });

/** One entry of `saml_providers`. What compares keys with each other is in saml-provider-rules.ts. */
export const samlProviderSchema = section({
  ...commonProviderShape,
  metadata_url: documented(
    url().optional(),
    'Where the metadata of the identity provider is fetched. Exactly one of the three sources is obligatory.',
  ),
  metadata_file: documented(text(1024).optional(), 'File with the metadata, absolute or from the working directory.'),
  metadata_xml: documented(
    z
      .string('must be text')
      .max(1_048_576, 'must have at most 1048576 characters')
      .regex(/^\s*</, 'must be the XML document itself; for an address use metadata_url, for a path metadata_file')
      .optional(),
    'The metadata itself.',
  ),
  idp_entity_id: documented(
    text(1024).optional(),
    'Which entity of the metadata; needed where it holds several identity providers.',
    'the only one',
  ),
  hold_new_keys: documented(
    flag().default(false),
    'Hold new metadata for an administrator as soon as it brings a signing key that was not known.',
  ),
  entity_id: documented(
    uri().optional(),
    'Our entity identifier at this provider, at most 1024 characters.',
    '`{public_url}/saml/{id}/metadata`',
  ),
  allow_idp_initiated: documented(
    flag().default(false),
    'Accept a login that begins at the identity provider; needs `fragment_delivery`.',
  ),
  idp_initiated_callback: documented(
    text().optional(),
    'Where such a login ends: one of `client_callbacks`.',
    'only where its RelayState names one of `client_callbacks`',
  ),
  sign_requests: documented(flag().default(true), 'Sign authentication requests.'),
  want_assertions_signed: documented(
    flag().default(false),
    'Insist on a signature of the assertion itself; otherwise one of the whole response is enough.',
  ),
  want_encrypted_assertions: documented(flag().default(false), 'Refuse assertions that are not encrypted.'),
  legacy_encryption: documented(
    flag().default(false),
    'Accept AES-CBC too, and only inside a response that is signed as a whole.',
  ),
  force_authn: documented(flag().default(false), 'Ask the identity provider to authenticate the person anew.'),
  requested_authn_context: documented(
    authnContext.optional(),
    'Authentication context classes to ask for; `comparison` is `exact`, `minimum`, `better` or `maximum`. An answer must ' +
      'carry one of `accepted`: by default `classes` with `exact`, and obligatory with the others.',
  ),
  name_id_format: documented(uri().optional(), 'NameID format to ask for.', 'the identity provider chooses'),
  request_binding: documented(
    z.enum(['redirect', 'post']).optional(),
    'How authentication requests travel.',
    'what the identity provider offers, `redirect` first',
  ),
  attributes: documented(
    attributes.prefault({}),
    'Attribute names (`Name` or `FriendlyName`) in the order in which they are tried.',
    'the usual names',
  ),
  group_prefixes: documented(
    listOf(text(256)).default([]),
    'Take over only groups that begin with one of these.',
    'all groups',
  ),
  verified_email_domains: documented(
    listOf(mailDomain).default([]),
    'Mail domains in which addresses from this provider count as verified.',
  ),
});

export type SamlProviderSettings = z.output<typeof samlProviderSchema>;
