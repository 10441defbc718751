import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/**
 * A person. Who may sign in as this person is said by the external identities alone (D17): the e-mail here is for
 * showing. `emailKey` (lower case, NFKC) is unique inside an organization so that a take-over by e-mail is refused.
 */
@Entity({ name: 'users' })
export class UserEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'uuid', name: 'organization_id' }) organizationId: string;
  @Column({ type: 'text' }) email: string;
  @Column({ type: 'text', name: 'email_key' }) emailKey: string;
  @Column({ type: 'boolean', name: 'email_verified' }) emailVerified: boolean;
  @Column({ type: 'text', nullable: true }) name: string | null;
  @Column({ type: 'timestamptz', name: 'disabled_at', nullable: true }) disabledAt: Date | null;
  /** Rises when every token of this person must die (D20). */
  @Column({ type: 'int', default: 1 }) generation: number;
  /** Rises when a cached profile of this person is out of date. */
  @Column({ type: 'int', name: 'profile_generation', default: 1 }) profileGeneration: number;
  @Column({ type: 'timestamptz', name: 'last_login_at', nullable: true }) lastLoginAt: Date | null;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @UpdateDateColumn({ type: 'timestamptz', name: 'modified_at' }) modifiedAt: Date;
}
