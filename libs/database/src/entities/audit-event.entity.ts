import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** One fact, never changed afterwards. `details` holds identifiers and reasons, never a secret. */
@Entity({ name: 'audit_events' })
export class AuditEventEntity {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column({ type: 'timestamptz', default: () => 'now()' }) at: Date;
  @Column({ type: 'text' }) kind: string;
  @Column({ type: 'uuid', name: 'organization_id', nullable: true }) organizationId: string | null;
  /** User id or client id of who did it; null for the system and for strangers. */
  @Column({ type: 'text', nullable: true }) actor: string | null;
  @Column({ type: 'text', nullable: true }) subject: string | null;
  @Column({ type: 'text', name: 'request_id', nullable: true }) requestId: string | null;
  @Column({ type: 'text', name: 'remote_address', nullable: true }) remoteAddress: string | null;
  @Column({ type: 'jsonb', default: () => "'{}'" }) details: Record<string, unknown>;
}
