import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * The identity that an entry of `admins` matched first (D17). `entry` is `provider:subject-or-email` as configured; once
 * pinned, another account with that e-mail is not an administrator. An entry gone from the configuration grants nothing.
 */
@Entity({ name: 'administrator_pins' })
export class AdministratorPinEntity {
  @PrimaryColumn({ type: 'text' }) entry: string;
  @Column({ type: 'uuid', name: 'identity_id' }) identityId: string;
  @Column({ type: 'timestamptz', name: 'pinned_at' }) pinnedAt: Date;
}
