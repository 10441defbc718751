import { Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** A group ever seen at, or provisioned by, a provider (D18). Never deleted by a login that does not name it. */
@Entity({ name: 'groups' })
@Unique(['providerId', 'name'])
export class GroupEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', name: 'provider_id' }) providerId: string;
  @Column({ type: 'text' }) name: string;
  @Column({ type: 'text', name: 'display_name', nullable: true }) displayName: string | null;
  @Column({ type: 'timestamptz', name: 'first_seen_at' }) firstSeenAt: Date;
  @Column({ type: 'timestamptz', name: 'last_seen_at' }) lastSeenAt: Date;
}

/** The groups that an external identity had at its last login. */
@Entity({ name: 'group_memberships' })
export class GroupMembershipEntity {
  @PrimaryColumn({ type: 'uuid', name: 'identity_id' }) identityId: string;
  @PrimaryColumn({ type: 'uuid', name: 'group_id' }) groupId: string;
}

/** A role, mapping or application of ours that names a provider's group; what `used_in_authorizations` reads (D18). */
@Entity({ name: 'group_references' })
export class GroupReferenceEntity {
  @PrimaryColumn({ type: 'text', name: 'provider_id' }) providerId: string;
  @PrimaryColumn({ type: 'text', name: 'group_name' }) groupName: string;
  @PrimaryColumn({ type: 'text', name: 'referrer' }) referrer: string;
}
