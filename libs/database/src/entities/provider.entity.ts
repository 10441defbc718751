import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/**
 * The record of an upstream identity provider. Its settings live in the configuration; the row holds what must be the
 * same at every instance: whether logins and tokens of this provider still count, and their generation (D20).
 */
@Entity({ name: 'providers' })
export class ProviderEntity {
  @PrimaryColumn({ type: 'text' }) id: string;
  @Column({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  @Column({ type: 'boolean', default: true }) enabled: boolean;
  @Column({ type: 'int', default: 1 }) generation: number;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
}
