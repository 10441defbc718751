import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** The key that seals the upstream tokens of one organization, itself sealed with a master key. */
@Entity({ name: 'data_keys' })
export class DataKeyEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  @Column({ type: 'text', name: 'sealed_key' }) sealedKey: string;
  /** Named beside the sealed key, so that starting without that master key is refused by one small query. */
  @Column({ type: 'text', name: 'master_key_id' }) masterKeyId: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  /** null: seals what is new; afterwards it only opens. */
  @Column({ type: 'timestamptz', name: 'retired_at', nullable: true }) retiredAt: Date | null;
}

/**
 * Tokens that a provider issued to us for somebody, kept fresh. `generation` counts the token sets; whoever replaces one
 * compares it. A lease (owner, until, epoch) says who refreshes; an intent (epoch, at) that its request may have been
 * sent and its outcome is not known. All times are the database's.
 */
@Entity({ name: 'connections' })
export class ConnectionEntity {
  @PrimaryColumn({ type: 'text' }) id: string;
  @Column({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  @Column({ type: 'text', name: 'provider_id' }) providerId: string;
  @Column({ type: 'uuid', name: 'user_id', nullable: true }) userId: string | null;
  /** The same person where the sign-ins left the tokens: these go with the person, others stay with the organization. */
  @Column({ type: 'uuid', name: 'sign_in_user_id', nullable: true }) signInUserId: string | null;
  @Column({ type: 'text' }) origin: 'consent' | 'import' | 'sign_in';
  @Column({ type: 'text', nullable: true }) label: string | null;
  /** Keyed hash of provider and upstream subject: two connections with the same share one grant upstream. */
  @Column({ type: 'bytea', name: 'subject_hash', nullable: true }) subjectHash: Buffer | null;
  @Column({ type: 'text', nullable: true }) scope: string | null;
  @Column({ type: 'text', name: 'token_type' }) tokenType: string;
  @Column({ type: 'jsonb', default: () => "'{}'" }) metadata: Record<string, string>;
  @Column({ type: 'text', default: 'active' }) status: string;
  @Column({ type: 'text', name: 'status_reason', nullable: true }) statusReason: string | null;
  @Column({ type: 'bigint', default: 1 }) generation: string;
  @Column({ type: 'uuid', name: 'data_key_id' }) dataKeyId: string;
  /** Sealed, as is the refresh token. */
  @Column({ type: 'bytea', name: 'access_token' }) accessToken: Buffer;
  @Column({ type: 'bytea', name: 'refresh_token', nullable: true }) refreshToken: Buffer | null;
  @Column({ type: 'timestamptz', name: 'issued_at' }) issuedAt: Date;
  @Column({ type: 'timestamptz', name: 'expires_at', nullable: true }) expiresAt: Date | null;
  @Column({ type: 'timestamptz', name: 'refresh_expires_at', nullable: true }) refreshExpiresAt: Date | null;
  /** null: nothing to do by itself. */
  @Column({ type: 'timestamptz', name: 'next_refresh_at', nullable: true }) nextRefreshAt: Date | null;
  @Column({ type: 'text', name: 'lease_owner', nullable: true }) leaseOwner: string | null;
  @Column({ type: 'timestamptz', name: 'lease_until', nullable: true }) leaseUntil: Date | null;
  @Column({ type: 'bigint', name: 'lease_epoch', default: 0 }) leaseEpoch: string;
  @Column({ type: 'bigint', name: 'intent_epoch', nullable: true }) intentEpoch: string | null;
  @Column({ type: 'timestamptz', name: 'intent_at', nullable: true }) intentAt: Date | null;
  @Column({ type: 'bytea', name: 'intent_fingerprint', nullable: true }) intentFingerprint: Buffer | null;
  @Column({ type: 'smallint', name: 'intent_replays', default: 0 }) intentReplays: number;
  @Column({ type: 'int', name: 'consecutive_failures', default: 0 }) consecutiveFailures: number;
  @Column({ type: 'timestamptz', name: 'first_failed_at', nullable: true }) firstFailedAt: Date | null;
  @Column({ type: 'text', name: 'last_error_code', nullable: true }) lastErrorCode: string | null;
  @Column({ type: 'smallint', name: 'last_error_status', nullable: true }) lastErrorStatus: number | null;
  @Column({ type: 'timestamptz', name: 'last_error_at', nullable: true }) lastErrorAt: Date | null;
  @Column({ type: 'timestamptz', name: 'last_refreshed_at', nullable: true }) lastRefreshedAt: Date | null;
  /** The smallest `connection.expiring` threshold that was told, in days. */
  @Column({ type: 'smallint', name: 'expiry_warned_days', nullable: true }) expiryWarnedDays: number | null;
  @Column({ type: 'timestamptz', precision: 3, name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'deleted_at', nullable: true }) deletedAt: Date | null;
}

/** How one refresh of one generation ended: the audit of every generation, without secrets. */
@Entity({ name: 'refresh_attempts' })
export class RefreshAttemptEntity {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column({ type: 'text', name: 'connection_id' }) connectionId: string;
  @Column({ type: 'bigint' }) generation: string;
  @Column({ type: 'bigint', name: 'lease_epoch' }) leaseEpoch: string;
  @Column({ type: 'text' }) owner: string;
  @Column({ type: 'timestamptz', name: 'started_at' }) startedAt: Date;
  @Column({ type: 'timestamptz', name: 'finished_at' }) finishedAt: Date;
  @Column({ type: 'text' }) outcome: string;
  @Column({ type: 'smallint', nullable: true }) status: number | null;
  @Column({ type: 'text', name: 'error_code', nullable: true }) errorCode: string | null;
  /** Keyed hash of the refresh token that was sent. */
  @Column({ type: 'bytea', name: 'token_fingerprint', nullable: true }) tokenFingerprint: Buffer | null;
}

/** A provider whose queue rests: one row while it does, for all instances. */
@Entity({ name: 'provider_breakers' })
export class ProviderBreakerEntity {
  @PrimaryColumn({ type: 'text', name: 'provider_id' }) providerId: string;
  @Column({ type: 'text' }) reason: 'misconfigured' | 'unavailable' | 'throttled';
  @Column({ type: 'text', name: 'error_code', nullable: true }) errorCode: string | null;
  /** How often in a row; the pauses grow with it. */
  @Column({ type: 'int', default: 1 }) openings: number;
  @Column({ type: 'timestamptz', name: 'opened_at' }) openedAt: Date;
  @Column({ type: 'timestamptz', name: 'open_until' }) openUntil: Date;
}
