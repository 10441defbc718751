import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { ClientsModule } from '@app/clients';
import { DirectoryModule } from '@app/directory';
import { OAuthProvidersModule } from '@app/oauth-providers';
import { RevocationModule } from '@app/revocation';
import { TokensModule } from '@app/tokens';
import { AuthorizeController } from './authorize.controller.js';
import { CallbackController } from './callback.controller.js';
import { OutcomeDelivery } from './delivery.js';
import { LoginFlow } from './login-flow.js';
import { LoginTransactions } from './login-transactions.js';
import { ProvidersController } from './providers.controller.js';
import { SignIn } from './sign-in.js';

@Module({
  imports: [AuditModule, RevocationModule, DirectoryModule, ClientsModule, OAuthProvidersModule, TokensModule],
  controllers: [AuthorizeController, CallbackController, ProvidersController],
  providers: [LoginTransactions, SignIn, OutcomeDelivery, LoginFlow],
  exports: [SignIn],
})
export class SignInModule {}
