import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/**
 * A person's place in an organization. `entry` is the entry of the configuration that put it there and pins it to this
 * person (D62): nobody else takes that entry while it stands.
 */
@Entity({ name: 'organization_members' })
export class OrganizationMemberEntity {
  @PrimaryColumn({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  @PrimaryColumn({ type: 'uuid', name: 'user_id' }) userId: string;
  @Column({ type: 'text' }) role: string;
  @Column({ type: 'text', nullable: true }) entry: string | null;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @UpdateDateColumn({ type: 'timestamptz', name: 'modified_at' }) modifiedAt: Date;
}
