import { z } from 'zod';
import { documented } from './setting-docs.js';
import { flag, kinds, text, url, whole } from './setting-kinds.js';

const day = 86_400;

/** A standard parameter here would replace what Gatehouse says about itself or the token. */
const ownParameters = new Set(['grant_type', 'refresh_token', 'client_id', 'client_secret', 'scope']);

const refreshParameters = z
  .record(
    z.string().refine((name) => !ownParameters.has(name), 'is set by Gatehouse itself; remove it'),
    z.preprocess((value) => (typeof value === 'number' ? String(value) : value), text()),
    'must be a section of `name: value` lines',
  )
  .register(kinds, { text: 'section of `name: value`' });

const expiryFault = 'must be never, jwt_exp, introspect, on_401, or a number of seconds';
const longest = 10 * 365 * day;

const expiry = z
  .preprocess(
    (value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z.union(
      [
        z.enum(['never', 'jwt_exp', 'introspect', 'on_401']),
        z.int(expiryFault).min(1, expiryFault).max(longest, expiryFault),
      ],
      expiryFault,
    ),
  )
  .register(kinds, { text: '`never`, `jwt_exp`, `introspect`, `on_401`, or seconds' });

const else_ = (otherwise: string): string => `the preset’s; else ${otherwise}`;

/** What a provider does in its own way about tokens that are kept; the same for `oidc` and `oauth2`. */
export const upstreamTokenShape = {
  store_tokens: documented(
    flag().default(false),
    'Keep the tokens of sign-ins in the vault, as connections of the provider’s organization.',
  ),
  token_request: documented(
    z.enum(['form', 'json']).optional(),
    'How parameters travel to the token endpoint.',
    else_('`form`'),
  ),
  refresh_url: documented(url().optional(), 'Where tokens are refreshed.', else_('the token endpoint')),
  refresh_parameters: documented(
    refreshParameters.default({}),
    'Sent beside the standard parameters of a refresh; beside those of the preset.',
  ),
  refresh_scope: documented(
    z.enum(['omit', 'repeat']).optional(),
    'Whether a refresh names the granted scope again.',
    else_('`omit`'),
  ),
  rotation: documented(
    z.enum(['single_use', 'grace', 'reusable']).optional(),
    'What becomes of a refresh token that is sent twice: refused (and perhaps everything that came of it), accepted for a while, or good for ever. Only the last two are sent again when an answer was lost.',
    else_('`single_use`'),
  ),
  expiry: documented(
    expiry.optional(),
    'How long an access token lives where the answer does not say: for ever, as its JWT says, as introspection says, until somebody reports a 401, or this many seconds.',
    else_('`on_401`'),
  ),
  expires_in_unit: documented(
    z.enum(['seconds', 'milliseconds']).optional(),
    'What the provider counts `expires_in` in.',
    else_('`seconds`'),
  ),
  scope_separator: documented(
    z
      .string('must be text')
      .regex(/^[ ,;+|]$/, 'must be a space or one of , ; + |')
      .optional(),
    'What the provider writes between scopes.',
    else_('a space'),
  ),
  token_field: documented(
    text(256).optional(),
    'Field of the token answer that the tokens are in, like `authed_user`, where they are not in the answer itself.',
    else_('the answer itself'),
  ),
  token_subject_field: documented(
    text(256).optional(),
    'Field of the token answer that names the account.',
    else_('none; an ID token does'),
  ),
  revocation_url: documented(url().optional(), 'Where tokens are given back (RFC 7009).', else_('what discovery says')),
  introspection_url: documented(
    url().optional(),
    'Where the provider tells what a token is worth (RFC 7662).',
    else_('what discovery says'),
  ),
  max_concurrency: documented(
    whole(1, 1_000).optional(),
    'Requests under way at once to the token endpoint.',
    else_('`20`'),
  ),
  max_per_second: documented(whole(1, 10_000).optional(), 'Requests a second to the token endpoint.', else_('`50`')),
  refresh_margin_seconds: documented(
    whole(0, 3_600).optional(),
    'So long before its end an access token counts as ended.',
    else_('300, and less for tokens that live for minutes'),
  ),
  max_idle_seconds: documented(
    whole(60, longest).optional(),
    'The provider forgets refresh tokens that rest longer; they are refreshed before that.',
    else_('never'),
  ),
};
