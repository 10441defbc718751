import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/**
 * An application that an organization registered (D7 b). `generation` rises when everything that it was issued must die,
 * `revision` with every change. Disabling marks the row.
 */
@Entity({ name: 'applications' })
export class ApplicationEntity {
  @PrimaryColumn({ type: 'text' }) id: string;
  @Column({ type: 'text', name: 'client_id', unique: true }) clientId: string;
  @Column({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  @Column({ type: 'text' }) name: string;
  @Column({ type: 'text', name: 'logo_uri', nullable: true }) logoUri: string | null;
  @Column({ type: 'text', array: true, name: 'redirect_uris' }) redirectUris: string[];
  @Column({ type: 'text', array: true, name: 'post_logout_redirect_uris' }) postLogoutRedirectUris: string[];
  @Column({ type: 'text', array: true }) scopes: string[];
  @Column({ type: 'text', array: true, name: 'grant_types' }) grantTypes: string[];
  @Column({ type: 'text', name: 'token_endpoint_auth_method' }) tokenEndpointAuthMethod: string;
  /** Public keys of `private_key_jwt` (RFC 7523). */
  @Column({ type: 'jsonb', nullable: true }) jwks: object | null;
  /** The APIs that it may ask tokens for (RFC 8707). */
  @Column({ type: 'text', array: true }) resources: string[];
  /** `skip`: an administrator consented for everybody. */
  @Column({ type: 'text' }) consent: string;
  /** It gets no token without a DPoP proof (RFC 9449 §5.2). */
  @Column({ type: 'boolean', name: 'dpop_bound_access_tokens', default: false }) dpopBoundAccessTokens: boolean;
  @Column({ type: 'text', name: 'backchannel_logout_uri', nullable: true }) backchannelLogoutUri: string | null;
  @Column({ type: 'text', name: 'frontchannel_logout_uri', nullable: true }) frontchannelLogoutUri: string | null;
  /** The configuration file owns it: routes do not change it. */
  @Column({ type: 'boolean', default: false }) configured: boolean;
  @Column({ type: 'int', default: 1 }) generation: number;
  @Column({ type: 'int', default: 1 }) revision: number;
  @Column({ type: 'text', name: 'created_by' }) createdBy: string;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'updated_at' }) updatedAt: Date;
  @Column({ type: 'timestamptz', name: 'disabled_at', nullable: true }) disabledAt: Date | null;
}

/** One secret of an application: several may be good at once while one replaces another. SHA-256 of 256 random bits. */
@Entity({ name: 'application_secrets' })
export class ApplicationSecretEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', name: 'application_id' }) applicationId: string;
  @Column({ type: 'bytea', name: 'secret_hash' }) secretHash: Buffer;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'expires_at', nullable: true }) expiresAt: Date | null;
}

/** What a person allowed an application (D49). */
@Entity({ name: 'consents' })
export class ConsentEntity {
  @PrimaryColumn({ type: 'uuid', name: 'user_id' }) userId: string;
  @PrimaryColumn({ type: 'text', name: 'application_id' }) applicationId: string;
  @Column({ type: 'text', array: true }) scopes: string[];
  @CreateDateColumn({ type: 'timestamptz', name: 'granted_at' }) grantedAt: Date;
}
