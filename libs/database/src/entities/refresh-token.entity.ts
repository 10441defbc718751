import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** The line of refresh tokens that descends from one grant (D13). */
@Entity({ name: 'refresh_families' })
export class RefreshFamilyEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'uuid', name: 'session_id' }) sessionId: string;
  @Column({ type: 'text', name: 'client_id' }) clientId: string;
  @Column({ type: 'text' }) scope: string;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'revoked_at', nullable: true }) revokedAt: Date | null;
  @Column({ type: 'text', name: 'revoke_reason', nullable: true }) revokeReason: string | null;
}

/**
 * One refresh token, by its SHA-256 (D45). After rotation the row stays, so that a reuse is seen; the successor is kept
 * sealed under a key derived from this very token for the ten seconds of D13, then erased.
 */
@Entity({ name: 'refresh_tokens' })
export class RefreshTokenEntity {
  @PrimaryColumn({ type: 'bytea' }) hash: Buffer;
  @Column({ type: 'uuid', name: 'family_id' }) familyId: string;
  @Column({ type: 'bytea', name: 'predecessor_hash', nullable: true }) predecessorHash: Buffer | null;
  @CreateDateColumn({ type: 'timestamptz', name: 'issued_at' }) issuedAt: Date;
  /** The idle end (D40). */
  @Column({ type: 'timestamptz', name: 'expires_at' }) expiresAt: Date;
  @Column({ type: 'timestamptz', name: 'rotated_at', nullable: true }) rotatedAt: Date | null;
  @Column({ type: 'bytea', name: 'successor_hash', nullable: true }) successorHash: Buffer | null;
  @Column({ type: 'bytea', name: 'successor_sealed', nullable: true }) successorSealed: Buffer | null;
}
