import { APPLICATION_GRANT_TYPES, DEVICE_CODE_GRANT, SIGN_IN_SCOPES } from '@app/oauth2';
import { z } from 'zod';
import { publicKeySet } from './public-key-set.js';
import { Secret } from './secret.js';
import { documented, section } from './setting-docs.js';
import { flag, kinds, listOf, text } from './setting-kinds.js';
import { clientCallbackFault, postLogoutFault, type UrlFault } from './urls.js';

const LONGEST_URI = 2000;
const MOST_URIS = 50;
const MOST_SECRETS = 5;

/** RFC 6749 A.1 without the space, which nobody types twice alike. Other prefixes of ours belong to what routes make. */
const clientId = z
  .string('must be text')
  .regex(/^[\x21-\x7e]{1,100}$/, 'must be 1 to 100 printable ASCII characters without spaces (RFC 6749 A.1)')
  .refine(
    (id) => !/^(?:tmi_cc_|app_)/.test(id),
    'begins like an id that Gatehouse gives (tmi_cc_, app_); choose another one',
  )
  .register(kinds, { text: 'text' });

/** It is shown to people who are asked for their consent. */
const name = z
  .string('must be text')
  .regex(
    /^(?!\s)[^\p{Cc}\p{Cs}]{1,100}(?<!\s)$/u,
    'must have 1 to 100 characters, no control characters and no space at its ends',
  )
  .register(kinds, { text: 'text' });

const SECRET = /^[\x21-\x7e]{32,1000}$/;
const secretFault =
  'must be 32 to 1000 printable ASCII characters without spaces (RFC 6749 A.2), chosen at random; make one with ' +
  `node -e "console.log(require('node:crypto').randomBytes(32).toString('base64url'))"`;

/** One secret, or a list of them while the application changes over; a fault says which, and never quotes it. */
const clientSecrets = z
  .unknown()
  .transform((value, context) => {
    const entries: unknown[] = Array.isArray(value) ? value : [value];
    if (entries.length === 0 || entries.length > MOST_SECRETS) {
      context.addIssue({ code: 'custom', message: `must be one secret, or a list of 1 to ${MOST_SECRETS}` });
      return z.NEVER;
    }
    return entries.flatMap((entry, index) => {
      const path = Array.isArray(value) ? [index] : [];
      const isSecret = typeof entry === 'string' && SECRET.test(entry);
      if (!isSecret) context.addIssue({ code: 'custom', path, message: secretFault });
      else if (entries.indexOf(entry) < index)
        context.addIssue({ code: 'custom', path, message: 'stands in the list twice; remove one of them' });
      return isSecret ? [new Secret(entry)] : [];
    });
  })
  .register(kinds, { text: 'secret text, or list of them' });

/** An address that is judged by a rule of urls.ts or of this file. */
const judged = (faultOf: (uri: string) => UrlFault) =>
  text(LONGEST_URI)
    .superRefine((uri, context) => {
      const message = uri === '' || uri.length > LONGEST_URI ? undefined : faultOf(uri);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .register(kinds, { text: 'URL' });

/** D7, R18 */
const target = () => judged(clientCallbackFault);

/** Each entry once. */
const distinct = <T extends z.ZodType>(entry: T) =>
  listOf(entry)
    .max(MOST_URIS, `may hold ${MOST_URIS} at most`)
    .superRefine((entries, context) => {
      for (const [index, one] of entries.entries())
        if (entries.indexOf(one) < index)
          context.addIssue({ code: 'custom', path: [index], message: 'is listed twice; remove one of the entries' });
    });

/** RFC 8707 §2 */
function resourceFault(uri: string): UrlFault {
  if (!URL.canParse(uri))
    return 'is not an absolute URI (RFC 8707 §2); write it in full, like https://api.example.com/';
  return uri.includes('#') ? 'contains a fragment (RFC 8707 §2); remove the # and what follows' : undefined;
}

function logoFault(uri: string): UrlFault {
  return URL.canParse(uri) && new URL(uri).protocol === 'https:' ? undefined : 'must be an https URL';
}

/** An entry of `applications` (D62); what depends on several keys is in applications.ts. */
export const applicationSchema = section({
  client_id: documented(clientId, 'What the application calls itself; unique, and nobody else’s.'),
  client_secret: documented(
    clientSecrets.optional(),
    'Proves it: at least 32 random characters; write it as `${NAME}`. Each of a list counts, so that a new one can be put in before the old one goes. Without it, and without `jwks`, the application is public.',
  ),
  organization: documented(
    text(100).default('default'),
    'Whose application it is: `default`, the `organization` of a provider, or one of `organizations`.',
  ),
  name: documented(name, 'Shown to people who are asked for their consent.'),
  redirect_uris: documented(
    distinct(target()).default([]),
    'Where people come back to with a code: https, or http on a loopback host, in normal form, compared character by character.',
    'required, unless `grant_types` is without authorization_code',
  ),
  post_logout_redirect_uris: documented(
    distinct(judged(postLogoutFault)).default([]),
    'Where people may be sent after a logout; the same form, and an origin may stand without its slash.',
  ),
  scopes: documented(
    distinct(z.enum(SIGN_IN_SCOPES))
      .refine((list) => list.length > 0, 'must hold at least one scope')
      .default([...SIGN_IN_SCOPES]),
    'The most that it may ask people for.',
  ),
  grant_types: documented(
    distinct(z.enum(APPLICATION_GRANT_TYPES))
      .refine(
        (list) => list.includes('authorization_code') || list.includes(DEVICE_CODE_GRANT),
        `must hold authorization_code or ${DEVICE_CODE_GRANT}`,
      )
      .default(['authorization_code', 'refresh_token']),
    'How it may get tokens; the last is for devices without a browser (RFC 8628).',
  ),
  token_endpoint_auth_method: documented(
    z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none']).optional(),
    'How it proves itself at the token endpoint; a secret is taken in the header and in the body alike.',
    '`client_secret_basic`; `private_key_jwt` with `jwks`; `none` with neither',
  ),
  jwks: documented(
    publicKeySet.optional(),
    'For `private_key_jwt`: the public keys that its assertions are signed with.',
  ),
  resources: documented(
    distinct(judged(resourceFault).register(kinds, { text: 'URI' })).default([]),
    'APIs that it may ask tokens for (RFC 8707).',
  ),
  consent: documented(
    z.enum(['ask', 'skip']).default('ask'),
    '`skip`: people of the organization are not asked; never for a public application.',
  ),
  dpop_bound_access_tokens: documented(
    flag().default(false),
    'It gets no token without a DPoP proof, so each of its access tokens is bound to a key (RFC 9449).',
  ),
  backchannel_logout_uri: documented(target().optional(), 'Told by POST when a session of it ends.'),
  frontchannel_logout_uri: documented(target().optional(), 'Loaded in the person’s browser at a logout.'),
  logo_uri: documented(judged(logoFault).optional(), 'Shown beside its name; https.'),
});

export type ApplicationEntry = z.output<typeof applicationSchema>;
