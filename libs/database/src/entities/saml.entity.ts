import { Column, CreateDateColumn, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** The last good metadata of a SAML identity provider, and what a refresh found that an administrator must accept. */
@Entity({ name: 'saml_idp_metadata' })
export class SamlIdpMetadataEntity {
  @PrimaryColumn({ type: 'text', name: 'provider_id' }) providerId: string;
  /** The URL or file, or a hash of pasted XML: another source starts anew. */
  @Column({ type: 'text' }) source: string;
  @Column({ type: 'text', name: 'entity_id' }) entityId: string;
  @Column({ type: 'text' }) document: string;
  @Column({ type: 'timestamptz', name: 'fetched_at' }) fetchedAt: Date;
  @Column({ type: 'timestamptz', name: 'refresh_at' }) refreshAt: Date;
  @Column({ type: 'timestamptz', name: 'valid_until', nullable: true }) validUntil: Date | null;
  /** Raised with each change of what counts, so that instances see it. */
  @Column({ type: 'int', default: 1 }) revision: number;
  @Column({ type: 'text', name: 'held_document', nullable: true }) heldDocument: string | null;
  @Column({ type: 'text', name: 'held_reason', nullable: true }) heldReason: string | null;
  @Column({ type: 'timestamptz', name: 'held_at', nullable: true }) heldAt: Date | null;
  @Column({ type: 'text', name: 'last_error', nullable: true }) lastError: string | null;
  @Column({ type: 'timestamptz', name: 'last_error_at', nullable: true }) lastErrorAt: Date | null;
}

/** A key pair of ours for SAML, with its self-signed certificate; the private half is sealed with a master key. */
@Entity({ name: 'saml_keys' })
export class SamlKeyEntity {
  /** SHA-256 of the certificate's DER, in hex. */
  @PrimaryColumn({ type: 'text' }) id: string;
  /** Base64 of DER. */
  @Column({ type: 'text' }) certificate: string;
  @Column({ type: 'text', name: 'sealed_private_key' }) sealedPrivateKey: string;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'signs_from' }) signsFrom: Date;
  @Column({ type: 'timestamptz', name: 'signs_until' }) signsUntil: Date;
  @Column({ type: 'timestamptz', name: 'retires_at' }) retiresAt: Date;
}

/** What a logout at the IdP finds a session by, and what ours tells the IdP. */
@Entity({ name: 'saml_sessions' })
export class SamlSessionEntity {
  @PrimaryColumn({ type: 'uuid', name: 'session_id' }) sessionId: string;
  @Column({ type: 'text', name: 'provider_id' }) providerId: string;
  @Column({ type: 'text', name: 'idp_entity_id' }) idpEntityId: string;
  /** Every part of the NameID in one text (D46). */
  @Column({ type: 'text' }) subject: string;
  @Column({ type: 'jsonb', name: 'name_id' }) nameId: Record<string, unknown>;
  @Column({ type: 'text', array: true, name: 'session_indexes' }) sessionIndexes: string[];
  @Column({ type: 'timestamptz', name: 'authn_instant' }) authnInstant: Date;
}

/** A logout that the IdP asked for: assertions from before it that arrive until `until` begin no session (D25). */
@Entity({ name: 'saml_logouts' })
export class SamlLogoutEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' }) id: string;
  @Column({ type: 'text', name: 'provider_id' }) providerId: string;
  @Column({ type: 'text' }) subject: string;
  /** Empty: every session of the subject. */
  @Column({ type: 'text', array: true, name: 'session_indexes' }) sessionIndexes: string[];
  @Column({ type: 'timestamptz', name: 'issued_at' }) issuedAt: Date;
  @Column({ type: 'timestamptz' }) until: Date;
}

/** That a certificate's end was announced, so that no instance announces it twice. */
@Entity({ name: 'certificate_warnings' })
export class CertificateWarningEntity {
  /** SHA-256 of the certificate's DER, in hex. */
  @PrimaryColumn({ type: 'text' }) fingerprint: string;
  @PrimaryColumn({ type: 'int' }) days: number;
  @Column({ type: 'timestamptz', name: 'warned_at' }) warnedAt: Date;
}
