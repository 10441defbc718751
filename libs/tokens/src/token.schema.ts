import { CLIENT_FIELDS } from '@app/clients';
import { z } from 'zod';

/** What both routes answer (RFC 6749 §5.1); the seed's AuthTokenResponse, but for D12 and D33. */
export const TokenResponseSchema = z
  .object({
    access_token: z.string().describe('JWT (RFC 9068)'),
    token_type: z.enum(['Bearer', 'DPoP']).describe('DPoP: bound to the key of the proof (RFC 9449 §5)'),
    issued_token_type: z.string().optional().describe('Of a token exchange (RFC 8693 §2.2.1)'),
    expires_in: z.int().describe('Seconds'),
    refresh_token: z.string().optional().describe('Left out for client_credentials'),
    scope: z.string(),
    id_token: z.string().optional().describe('For a person, with scope openid'),
  })
  .meta({ id: 'AuthTokenResponse' });

/** The token request (RFC 6749 §4.1.3, §4.4.2, §6). `idp` and `state` of the seed are accepted and mean nothing (D11). */
export const TokenRequestSchema = z.object({
  grant_type: z
    .string()
    .max(100)
    .describe('authorization_code, refresh_token, client_credentials, or token-exchange or device_code by its URN'),
  code: z.string().max(512).optional(),
  code_verifier: z.string().max(128).optional(),
  redirect_uri: z.string().max(2000).optional(),
  device_code: z.string().max(512).optional().describe('Of a device without a browser (RFC 8628 §3.4)'),
  refresh_token: z.string().max(1024).optional(),
  scope: z.string().max(1000).optional(),
  resource: z.string().max(2000).optional(),
  subject_token: z.string().max(16_384).optional().describe('Of a token exchange (RFC 8693 §2.1): an access token'),
  subject_token_type: z.string().max(200).optional(),
  requested_token_type: z.string().max(200).optional(),
  audience: z.string().max(2000).optional().describe('The same as resource, for a token exchange'),
  actor_token: z.string().max(16_384).optional().describe('Refused: nobody acts for another here'),
  actor_token_type: z.string().max(200).optional(),
  ...CLIENT_FIELDS,
  state: z.string().max(1024).optional(),
});

export const TokenQuerySchema = z.object({ idp: z.string().max(100).optional() });

export const RefreshRequestSchema = z.object({
  refresh_token: z.string().max(1024),
  scope: z.string().max(1000).optional(),
});
