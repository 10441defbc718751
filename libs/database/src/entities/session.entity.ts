import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/**
 * One sign-in (D32). The generations are those of user, provider and organization at that moment: a session whose
 * numbers fell behind is dead, whatever `ended_at` says (D20).
 */
@Entity({ name: 'sessions' })
export class SessionEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'uuid', name: 'user_id' }) userId: string;
  @Column({ type: 'uuid', name: 'identity_id' }) identityId: string;
  @Column({ type: 'text', name: 'provider_id' }) providerId: string;
  @Column({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  /** The first-party client or application that it serves; ourselves where it is the person's session at this server. */
  @Column({ type: 'text', name: 'client_id' }) clientId: string;
  /** Of an application's session: the person's session here that it came out of, and ends with (D32). */
  @Column({ type: 'uuid', name: 'parent_id', nullable: true }) parentId: string | null;
  /** Of an application's session: what its ID tokens call the person's session, for as long as it lives. */
  @Column({ type: 'uuid', nullable: true }) sid: string | null;
  /** The application's at that moment; null for first-party sessions. */
  @Column({ type: 'int', name: 'client_generation', nullable: true }) clientGeneration: number | null;
  /** SHA-256 of the cookie of the browser that holds the person's session. */
  @Column({ type: 'bytea', name: 'cookie_hash', nullable: true }) cookieHash: Buffer | null;
  @Column({ type: 'int', name: 'user_generation' }) userGeneration: number;
  @Column({ type: 'int', name: 'provider_generation' }) providerGeneration: number;
  @Column({ type: 'int', name: 'organization_generation' }) organizationGeneration: number;
  @Column({ type: 'timestamptz', name: 'auth_time' }) authTime: Date;
  @Column({ type: 'text', nullable: true }) acr: string | null;
  @Column({ type: 'text', array: true, nullable: true }) amr: string[] | null;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  /** The absolute end (D40); refresh tokens never outlive it. */
  @Column({ type: 'timestamptz', name: 'expires_at' }) expiresAt: Date;
  @Column({ type: 'timestamptz', name: 'ended_at', nullable: true }) endedAt: Date | null;
  @Column({ type: 'text', name: 'end_reason', nullable: true }) endReason: string | null;
}
