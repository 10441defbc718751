import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { DirectoryModule } from '@app/directory';
import { EdgeModule } from '@app/edge';
import { OrganizationsModule } from '@app/organizations';
import { SignInModule } from '@app/sign-in';
import { UpstreamTokensModule } from '@app/upstream-tokens';
import { VaultModule } from '@app/vault';
import { ConnectTickets } from './connect-tickets.js';
import { Connecting } from './connecting.js';
import { ConnectionTokensController } from './connection-tokens.controller.js';
import { ConnectionsController } from './connections.controller.js';
import { DeliveryRefusals } from './delivery-refusals.js';
import { OAuthController } from './oauth.controller.js';
import { OwnConnections } from './own-connections.js';

@Module({
  imports: [AuditModule, DirectoryModule, EdgeModule, OrganizationsModule, SignInModule, UpstreamTokensModule, VaultModule],
  controllers: [ConnectionsController, ConnectionTokensController, OAuthController],
  providers: [OwnConnections, ConnectTickets, Connecting, DeliveryRefusals],
})
export class ConnectionsModule {}
