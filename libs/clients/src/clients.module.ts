import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { DirectoryModule } from '@app/directory';
import { EdgeModule } from '@app/edge';
import { RevocationModule } from '@app/revocation';
import { ApplicationCommand } from './applications/application-command.js';
import { ApplicationRegistry } from './applications/application-registry.js';
import { Applications } from './applications/applications.js';
import { ConfiguredApplications } from './applications/configured-applications.js';
import { ClientAssertions } from './client-assertions.js';
import { ClientAuthenticator } from './client-authenticator.js';
import { ClientCredentialsController } from './client-credentials.controller.js';
import { ClientCredentials } from './client-credentials.js';
import { ClientUsage } from './client-usage.js';
import { FirstPartyClients } from './first-party-clients.js';
import { MachineClients } from './machine-clients.js';

@Module({
  imports: [AuditModule, DirectoryModule, EdgeModule, RevocationModule],
  controllers: [ClientCredentialsController],
  providers: [
    ClientCredentials,
    FirstPartyClients,
    MachineClients,
    Applications,
    ApplicationRegistry,
    ConfiguredApplications,
    ClientUsage,
    ClientAssertions,
    ClientAuthenticator,
  ],
  exports: [ClientAuthenticator, FirstPartyClients, Applications, ApplicationRegistry],
})
export class ClientsModule {}

/** What the command `application:create` needs. */
@Module({
  imports: [AuditModule, RevocationModule],
  providers: [ApplicationRegistry, ApplicationCommand],
})
export class ClientsCommandModule {}
