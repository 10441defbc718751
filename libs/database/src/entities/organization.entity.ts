import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A tenant (D28). `generation` rises when every token of the tenant must die (D20). */
@Entity({ name: 'organizations' })
export class OrganizationEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', unique: true }) name: string;
  @Column({ type: 'int', default: 1 }) generation: number;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
}

/** The tenant that a migration creates and that everything belongs to unless the configuration says otherwise. */
export const DEFAULT_ORGANIZATION = { id: '00000000-0000-4000-8000-000000000001', name: 'default' } as const;
