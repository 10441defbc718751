import { CLIENT_FIELDS } from '@app/clients';
import { z } from 'zod';

/** What both routes answer (RFC 6749 §5.1); the seed's AuthTokenResponse, but for D12 and D33. */
export const TokenResponseSchema = z
  .object({
    access_token: z.string().describe('JWT (RFC 9068)'),
    token_type: z.literal('Bearer'),
    expires_in: z.int().describe('Seconds'),
    refresh_token: z.string().optional().describe('Left out for client_credentials'),
    scope: z.string(),
    id_token: z.string().optional().describe('With the authorization_code grant and scope openid'),
  })
  .meta({ id: 'AuthTokenResponse' });

/** The token request (RFC 6749 §4.1.3, §4.4.2, §6). `idp` and `state` of the seed are accepted and mean nothing (D11). */
export const TokenRequestSchema = z.object({
  grant_type: z.string().max(100).describe('authorization_code, refresh_token or client_credentials'),
  code: z.string().max(512).optional(),
  code_verifier: z.string().max(128).optional(),
  redirect_uri: z.string().max(2000).optional(),
  refresh_token: z.string().max(1024).optional(),
  scope: z.string().max(1000).optional(),
  resource: z.string().max(2000).optional(),
  ...CLIENT_FIELDS,
  state: z.string().max(1024).optional(),
});

export const TokenQuerySchema = z.object({ idp: z.string().max(100).optional() });

export const RefreshRequestSchema = z.object({
  refresh_token: z.string().max(1024),
  scope: z.string().max(1000).optional(),
});
