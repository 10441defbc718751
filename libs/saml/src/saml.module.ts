import { Module, type Provider } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { OutboundModule } from '@app/outbound';
import { CertificateWatch } from './certificate-watch.js';
import { IdentityProviders, METADATA_RETRY, type RetrySchedule } from './metadata/identity-providers.js';
import { IdpMetadataRepository } from './metadata/idp-metadata.repository.js';
import { MetadataCommand } from './metadata/metadata-command.js';
import { MetadataRefresh } from './metadata/metadata-refresh.js';
import { SamlAuthnRequests } from './requests/authn-requests.js';
import { SAML_VERIFIER } from './saml-verifier.js';
import { COMPILED_WORKER_FILE, SAML_WORKER_FILE, SamlWorkers } from './saml-workers.js';
import { SamlLogoutMessages } from './requests/saml-logout-messages.js';
import { SamlSessions } from './sessions/saml-sessions.js';
import { SamlLogouts } from './saml-logouts.js';
import { SamlResponses } from './saml-responses.js';
import { SamlKeyRepository } from './sp/saml-key.repository.js';
import { SamlKeyRotation } from './sp/saml-key-rotation.js';
import { SamlKeys } from './sp/saml-keys.js';
import { SpMetadataController } from './sp/sp-metadata.controller.js';

const retryUnreferenced: RetrySchedule = (run, delayMs) => {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return { cancel: () => clearTimeout(timer) };
};

const KEYS: Provider[] = [SamlKeyRepository, SamlKeys, SamlKeyRotation];

const VERIFIER: Provider[] = [
  { provide: SAML_WORKER_FILE, useValue: COMPILED_WORKER_FILE },
  SamlWorkers,
  { provide: SAML_VERIFIER, useExisting: SamlWorkers },
];

const SESSIONS: Provider[] = [SamlSessions, SamlLogoutMessages];

const METADATA: Provider[] = [IdpMetadataRepository, MetadataRefresh];

/**
 * Needs the configuration, the database, the transient store and the keys from global modules. The minute's ticks run
 * where the application imports `ScheduleModule.forRoot()`.
 */
@Module({
  imports: [AuditModule, OutboundModule],
  controllers: [SpMetadataController],
  providers: [
    ...KEYS,
    ...VERIFIER,
    ...METADATA,
    ...SESSIONS,
    IdentityProviders,
    SamlAuthnRequests,
    SamlResponses,
    SamlLogouts,
    CertificateWatch,
    { provide: METADATA_RETRY, useValue: retryUnreferenced },
  ],
  exports: [
    SAML_VERIFIER,
    SamlKeys,
    IdentityProviders,
    SamlAuthnRequests,
    SamlSessions,
    SamlLogoutMessages,
    SamlResponses,
    SamlLogouts,
    CertificateWatch,
  ],
})
export class SamlModule {}

/** What the commands `saml:*` need: nothing of it fetches by itself. */
@Module({
  imports: [AuditModule, OutboundModule],
  providers: [...KEYS, ...VERIFIER, ...METADATA, MetadataCommand],
})
export class SamlCommandModule {}
