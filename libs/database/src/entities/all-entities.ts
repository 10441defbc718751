import { AdministratorPinEntity } from './administrator-pin.entity.js';
import { ApplicationEntity, ApplicationSecretEntity, ConsentEntity } from './application.entity.js';
import { AuditEventEntity } from './audit-event.entity.js';
import { ClientCredentialEntity } from './client-credential.entity.js';
import { ExternalIdentityEntity } from './external-identity.entity.js';
import { GroupEntity, GroupMembershipEntity, GroupReferenceEntity } from './group.entity.js';
import { LogoutNoticeEntity } from './logout-notice.entity.js';
import { OrganizationMemberEntity } from './organization-member.entity.js';
import { OrganizationEntity } from './organization.entity.js';
import { OutboxEventEntity } from './outbox-event.entity.js';
import { ProviderEntity } from './provider.entity.js';
import { RefreshFamilyEntity } from './refresh-family.entity.js';
import { RevocationEntity } from './revocation.entity.js';
import {
  CertificateWarningEntity,
  SamlIdpMetadataEntity,
  SamlKeyEntity,
  SamlLogoutEntity,
  SamlSessionEntity,
} from './saml.entity.js';
import { SessionEntity } from './session.entity.js';
import { SigningKeyEntity } from './signing-key.entity.js';
import { TenantKeyEntity } from './tenant-key.entity.js';
import { UserEntity } from './user.entity.js';
import { ConnectionEntity, DataKeyEntity, ProviderBreakerEntity, RefreshAttemptEntity } from './vault.entity.js';

/** Every table that TypeORM knows. */
export const allEntities = [
  OrganizationEntity,
  OrganizationMemberEntity,
  TenantKeyEntity,
  ProviderEntity,
  UserEntity,
  ExternalIdentityEntity,
  GroupEntity,
  GroupMembershipEntity,
  GroupReferenceEntity,
  AdministratorPinEntity,
  SessionEntity,
  RefreshFamilyEntity,
  RevocationEntity,
  ClientCredentialEntity,
  ApplicationEntity,
  ApplicationSecretEntity,
  ConsentEntity,
  SigningKeyEntity,
  AuditEventEntity,
  SamlIdpMetadataEntity,
  SamlKeyEntity,
  SamlSessionEntity,
  SamlLogoutEntity,
  CertificateWarningEntity,
  DataKeyEntity,
  ConnectionEntity,
  RefreshAttemptEntity,
  ProviderBreakerEntity,
  OutboxEventEntity,
  LogoutNoticeEntity,
];
