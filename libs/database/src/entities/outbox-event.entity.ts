import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/**
 * One event for one webhook endpoint: pending until it is delivered or failed. A lease (owner, until) says who is sending
 * it; `attempts` counts the claims, and whoever reports an outcome compares it. All times are the database's (D59).
 */
@Entity({ name: 'outbox_events' })
export class OutboxEventEntity {
  /** In the order in which they were written; those of one connection in the order in which they happened. */
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  /** What receivers know the event by; the same at every endpoint and in every attempt. */
  @Column({ type: 'uuid', name: 'event_id' }) eventId: string;
  @Column({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  /** Of the configuration; one that is gone from there gets nothing any more. */
  @Column({ type: 'text', name: 'endpoint_id' }) endpointId: string;
  @Column({ type: 'text', name: 'connection_id' }) connectionId: string;
  @Column({ type: 'text' }) kind: string;
  /** The `data` of what is sent; identifiers and reasons, never a secret. */
  @Column({ type: 'jsonb' }) payload: Record<string, string | number>;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'int', default: 0 }) attempts: number;
  @Column({ type: 'timestamptz', name: 'next_attempt_at' }) nextAttemptAt: Date;
  @Column({ type: 'text', name: 'lease_owner', nullable: true }) leaseOwner: string | null;
  @Column({ type: 'timestamptz', name: 'lease_until', nullable: true }) leaseUntil: Date | null;
  @Column({ type: 'timestamptz', name: 'delivered_at', nullable: true }) deliveredAt: Date | null;
  @Column({ type: 'timestamptz', name: 'failed_at', nullable: true }) failedAt: Date | null;
  @Column({ type: 'smallint', name: 'last_status', nullable: true }) lastStatus: number | null;
  /** A word of ours, never text of the receiver. */
  @Column({ type: 'text', name: 'last_error', nullable: true }) lastError: string | null;
}
