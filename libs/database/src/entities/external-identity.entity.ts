import { Column, CreateDateColumn, Entity, PrimaryColumn, Unique } from 'typeorm';

/** An account at an upstream provider, keyed by (provider record, issuer or entityID, subject) and nothing else (D17). */
@Entity({ name: 'external_identities' })
@Unique(['providerId', 'issuer', 'subject'])
export class ExternalIdentityEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', name: 'provider_id' }) providerId: string;
  @Column({ type: 'text' }) issuer: string;
  @Column({ type: 'text' }) subject: string;
  @Column({ type: 'uuid', name: 'user_id' }) userId: string;
  @Column({ type: 'text', nullable: true }) email: string | null;
  @Column({ type: 'boolean', name: 'email_verified' }) emailVerified: boolean;
  @Column({ type: 'text', nullable: true }) name: string | null;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'last_login_at', nullable: true }) lastLoginAt: Date | null;
}
