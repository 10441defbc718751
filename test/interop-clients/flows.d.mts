export declare const FLOWS: readonly string[];

type Client =
  | 'openid-client'
  | 'oauth4webapi'
  | '@auth/core'
  | 'passport-openidconnect'
  | 'express-openid-connect'
  | 'mod_auth_openidc';

/** Of each client: why a flow is not in it. */
export declare const CLIENTS: Readonly<Record<Client, Readonly<Record<string, string>>>>;
