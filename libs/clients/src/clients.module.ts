import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { DirectoryModule } from '@app/directory';
import { EdgeModule } from '@app/edge';
import { RevocationModule } from '@app/revocation';
import { ClientAuthenticator } from './client-authenticator.js';
import { ClientCredentialsController } from './client-credentials.controller.js';
import { ClientCredentials } from './client-credentials.js';
import { ClientUsage } from './client-usage.js';
import { FirstPartyClients } from './first-party-clients.js';
import { MachineClients } from './machine-clients.js';

@Module({
  imports: [AuditModule, DirectoryModule, EdgeModule, RevocationModule],
  controllers: [ClientCredentialsController],
  providers: [ClientCredentials, FirstPartyClients, MachineClients, ClientUsage, ClientAuthenticator],
  exports: [ClientAuthenticator, FirstPartyClients],
})
export class ClientsModule {}
