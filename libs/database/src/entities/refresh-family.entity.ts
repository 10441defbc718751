import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/**
 * The line of refresh tokens that descends from one grant (D13), in one row: only the newest token is good, and all of
 * them lead here by their handle. Hashes are SHA-256 (D45).
 */
@Entity({ name: 'refresh_families' })
export class RefreshFamilyEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'uuid', name: 'session_id' }) sessionId: string;
  @Column({ type: 'text', name: 'client_id' }) clientId: string;
  @Column({ type: 'text' }) scope: string;
  /** What its access tokens are for beside this server (RFC 8707); null: this server alone. */
  @Column({ type: 'text', nullable: true }) resource: string | null;
  /** Thumbprint of the key that every refresh must prove (RFC 9449 §5); null: none. */
  @Column({ type: 'text', name: 'dpop_jkt', nullable: true }) dpopJkt: string | null;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'revoked_at', nullable: true }) revokedAt: Date | null;
  @Column({ type: 'text', name: 'revoke_reason', nullable: true }) revokeReason: string | null;
  @Column({ type: 'bytea', name: 'handle_hash', unique: true }) handleHash: Buffer;
  @Column({ type: 'bytea', name: 'current_hash' }) currentHash: Buffer;
  @Column({ type: 'bytea', name: 'predecessor_hash', nullable: true }) predecessorHash: Buffer | null;
  /** The current token, for the holder of its predecessor, for ten seconds after `rotatedAt`. */
  @Column({ type: 'bytea', name: 'successor_sealed', nullable: true }) successorSealed: Buffer | null;
  @Column({ type: 'timestamptz', name: 'rotated_at', nullable: true }) rotatedAt: Date | null;
  /** When the current token was. */
  @CreateDateColumn({ type: 'timestamptz', name: 'issued_at' }) issuedAt: Date;
  /** The idle end of the current token (D40). */
  @Column({ type: 'timestamptz', name: 'expires_at' }) expiresAt: Date;
}
