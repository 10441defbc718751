import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/**
 * One logout that one application is to be told of (D37): pending until it is delivered or failed. While it is leased
 * somebody is telling it; `attempts` counts the leases, and whoever reports an outcome compares it. All times are the
 * database's (D59).
 */
@Entity({ name: 'logout_notices' })
export class LogoutNoticeEntity {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column({ type: 'text', name: 'application_id' }) applicationId: string;
  /** The session by the name that the application's ID tokens gave it. */
  @Column({ type: 'uuid' }) sid: string;
  /** May be deleted by now. */
  @Column({ type: 'text', name: 'user_id' }) userId: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'int', default: 0 }) attempts: number;
  @Column({ type: 'timestamptz', name: 'next_attempt_at' }) nextAttemptAt: Date;
  @Column({ type: 'timestamptz', name: 'leased_until', nullable: true }) leasedUntil: Date | null;
  @Column({ type: 'timestamptz', name: 'delivered_at', nullable: true }) deliveredAt: Date | null;
  @Column({ type: 'timestamptz', name: 'failed_at', nullable: true }) failedAt: Date | null;
  /** A word of ours, never text of the application. */
  @Column({ type: 'text', name: 'last_error', nullable: true }) lastError: string | null;
}
