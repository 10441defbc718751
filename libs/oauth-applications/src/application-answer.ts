import type { RegisteredApplication } from '@app/clients';
import type { z } from 'zod';
import type { ApplicationSchema } from './applications.schema.js';

export type ApplicationAnswer = z.infer<typeof ApplicationSchema>;

/** An application as its keepers see it, without any secret. What has no value is left out, never null (D2). */
export function applicationAnswer(application: RegisteredApplication): ApplicationAnswer {
  return {
    id: application.id,
    client_id: application.clientId,
    organization_id: application.organizationId,
    name: application.name,
    ...text('logo_uri', application.logoUri),
    redirect_uris: [...application.redirectUris],
    post_logout_redirect_uris: [...application.postLogoutRedirectUris],
    scopes: [...application.scopes],
    grant_types: [...application.grantTypes],
    token_endpoint_auth_method: application.tokenEndpointAuthMethod,
    ...(application.jwks === undefined ? {} : { jwks: { keys: application.jwks.keys.map((key) => ({ ...key })) } }),
    resources: [...application.resources],
    consent: application.consent,
    dpop_bound_access_tokens: application.dpopBoundAccessTokens,
    ...text('backchannel_logout_uri', application.backchannelLogoutUri),
    ...text('frontchannel_logout_uri', application.frontchannelLogoutUri),
    disabled: application.disabled,
    configured: application.configured,
    created_by: application.createdBy,
    created_at: application.createdAt.toISOString(),
    updated_at: application.updatedAt.toISOString(),
  };
}

function text<K extends string>(name: K, value: string | undefined): { [N in K]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [N in K]?: string };
}
