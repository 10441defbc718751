import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/**
 * A key that signs our tokens. Published from `createdAt`, signs from `signsFrom` until `signsUntil`, stays in the JWKS
 * until `retiresAt`, when the last token that it signed has ended (D40). The private half is sealed with a master key.
 */
@Entity({ name: 'signing_keys' })
export class SigningKeyEntity {
  /** RFC 7638 thumbprint. */
  @PrimaryColumn({ type: 'text' }) kid: string;
  @Column({ type: 'text' }) purpose: 'access' | 'id';
  @Column({ type: 'text' }) algorithm: string;
  @Column({ type: 'jsonb', name: 'public_jwk' }) publicJwk: Record<string, unknown>;
  @Column({ type: 'text', name: 'sealed_private_key' }) sealedPrivateKey: string;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'signs_from' }) signsFrom: Date;
  @Column({ type: 'timestamptz', name: 'signs_until' }) signsUntil: Date;
  @Column({ type: 'timestamptz', name: 'retires_at' }) retiresAt: Date;
}
