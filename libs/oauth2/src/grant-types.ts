/** `grant_type` of a device that has no browser (RFC 8628 §3.4). */
export const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** `grant_type` of who wants a token that is good for less (RFC 8693 §2.1). */
export const TOKEN_EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** What an application may be registered for. */
export const APPLICATION_GRANT_TYPES = [
  'authorization_code',
  'refresh_token',
  TOKEN_EXCHANGE_GRANT,
  DEVICE_CODE_GRANT,
] as const;

export type ApplicationGrantType = (typeof APPLICATION_GRANT_TYPES)[number];
