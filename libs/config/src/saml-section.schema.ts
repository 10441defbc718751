import { z } from 'zod';
import { documented, section } from './setting-docs.js';
import { listOf, text, whole } from './setting-kinds.js';

const day = 86_400;

/** `saml`: what holds for every SAML provider. The bounds keep slips of the keyboard from opening or closing a door. */
export const samlSection = section({
  verifier: documented(
    z.enum(['strict', 'node-saml']).default('strict'),
    '`strict`: our verifier; `node-saml`: the same, and then node-saml must agree (RSA PKCS #1 signatures only, and ten times the work).',
  ),
  workers: documented(whole(1, 64).default(2), 'Threads that verify and decrypt; at most.'),
  queue_limit: documented(
    whole(1, 100_000).default(256),
    'Messages that may wait for a thread before others are refused with 503.',
  ),
  verification_timeout_ms: documented(
    whole(100, 60_000).default(5_000),
    'Longest time for one message, in milliseconds.',
  ),
  clock_skew_seconds: documented(
    whole(0, 120).default(120),
    'Tolerance for the clocks of identity providers, in seconds.',
  ),
  max_message_age_seconds: documented(
    whole(1, 3600).default(600),
    'Oldest `IssueInstant` that is accepted, in seconds; tolerance not counted.',
  ),
  key_lifetime_seconds: documented(
    whole(1, 3650 * day).default(2 * 365 * day),
    'How long one of our certificates signs, in seconds.',
  ),
  key_publish_before_signing_seconds: documented(
    whole(0, 365 * day).default(30 * day),
    'The next certificate is published this long before it signs, in seconds.',
  ),
  key_retention_seconds: documented(
    whole(0, 3650 * day).default(90 * day),
    'How long a certificate that signs no more still decrypts and stays published, in seconds.',
  ),
  post_logout_redirect_uris: documented(
    listOf(text()).default([]),
    'Where a browser may end after a logout at the identity provider, beside `client_callbacks`; the same rules hold.',
  ),
});
