import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { DirectoryModule } from '@app/directory';
import { EdgeModule } from '@app/edge';
import { OrganizationsModule } from '@app/organizations';
import { SignInModule } from '@app/sign-in';
import { TokensModule } from '@app/tokens';
import { UpstreamTokensModule } from '@app/upstream-tokens';
import { VaultModule } from '@app/vault';
import { AuthHealthController } from './auth-health.controller.js';
import { ConnectFlow } from './connect-flow.js';
import { ConnectController } from './connect.controller.js';
import { ConnectTickets } from './connect-tickets.js';
import { Connecting } from './connecting.js';
import { ConnectionTokensController } from './connection-tokens.controller.js';
import { ConnectionsController } from './connections.controller.js';
import { DeliveryRefusals } from './delivery-refusals.js';
import { OAuthController } from './oauth.controller.js';
import { OperatedVault } from './operated-vault.js';
import { OwnConnections } from './own-connections.js';
import { SignInConnections } from './sign-in-connections.js';
import { TokenRefreshController } from './token-refresh.controller.js';

@Module({
  imports: [
    AuditModule,
    DirectoryModule,
    EdgeModule,
    OrganizationsModule,
    SignInModule,
    TokensModule,
    UpstreamTokensModule,
    VaultModule,
  ],
  controllers: [
    ConnectionsController,
    ConnectionTokensController,
    OAuthController,
    ConnectController,
    TokenRefreshController,
    AuthHealthController,
  ],
  providers: [
    OwnConnections,
    ConnectTickets,
    Connecting,
    ConnectFlow,
    DeliveryRefusals,
    SignInConnections,
    OperatedVault,
  ],
})
export class ConnectionsModule {}
