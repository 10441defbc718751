/**
 * database: the connection to Postgres, its schema, and the embedded Postgres of development.
 *
 * Owns: the data source and its pool, transactions, entities, migrations (run at start, one instance at a time), what
 * a lost database looks like to the rest, and the launcher of the embedded server.
 * Does not own: any rule about what the tables hold. Whoever owns a record writes its SQL.
 */
export { Database } from './database.js';
export { DatabaseModule } from './database.module.js';
export { DatabaseUnavailable, isDatabaseUnavailable } from './database-unavailable.js';
export { DatabaseStartupError } from './startup-error.js';
export { dataSourceOptions, openDataSource, type ConnectionSettings } from './data-source.js';
export { runMigrations } from './migration-runner.js';
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded/embedded-postgres.js';
export { EmbeddedPostgresError, type EmbeddedLog } from './embedded/embedded-error.js';
export { AdministratorPinEntity } from './entities/administrator-pin.entity.js';
export { ApplicationEntity, ApplicationSecretEntity, ConsentEntity } from './entities/application.entity.js';
export { AuditEventEntity } from './entities/audit-event.entity.js';
export { ClientCredentialEntity } from './entities/client-credential.entity.js';
export { ExternalIdentityEntity } from './entities/external-identity.entity.js';
export { GroupEntity, GroupMembershipEntity, GroupReferenceEntity } from './entities/group.entity.js';
export { DEFAULT_ORGANIZATION, OrganizationEntity } from './entities/organization.entity.js';
export { OrganizationMemberEntity } from './entities/organization-member.entity.js';
export { OutboxEventEntity } from './entities/outbox-event.entity.js';
export { ProviderEntity } from './entities/provider.entity.js';
export { RefreshFamilyEntity } from './entities/refresh-family.entity.js';
export { RevocationEntity } from './entities/revocation.entity.js';
export {
  CertificateWarningEntity,
  SamlIdpMetadataEntity,
  SamlKeyEntity,
  SamlLogoutEntity,
  SamlSessionEntity,
} from './entities/saml.entity.js';
export { SessionEntity } from './entities/session.entity.js';
export { SigningKeyEntity } from './entities/signing-key.entity.js';
export { TenantKeyEntity } from './entities/tenant-key.entity.js';
export { UserEntity } from './entities/user.entity.js';
export {
  ConnectionEntity,
  DataKeyEntity,
  ProviderBreakerEntity,
  RefreshAttemptEntity,
} from './entities/vault.entity.js';
