import { Global, Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { RevocationModule } from '@app/revocation';
import { SamlModule } from '@app/saml';
import { TokensModule, UPSTREAM_LOGOUT } from '@app/tokens';
import { IdpLogout } from './idp-logout.js';
import { LogoutTransactions } from './logout-transactions.js';
import { LogoutController } from './logout.controller.js';
import { OurLogout } from './our-logout.js';
import { RefusedLogouts } from './refused-logouts.js';
import { SloController } from './slo.controller.js';

/** Global for one token: `tokens` takes UPSTREAM_LOGOUT if it is there, and this room builds on `tokens`. */
@Global()
@Module({
  imports: [AuditModule, RevocationModule, SamlModule, TokensModule],
  controllers: [SloController, LogoutController],
  providers: [
    LogoutTransactions,
    RefusedLogouts,
    IdpLogout,
    OurLogout,
    { provide: UPSTREAM_LOGOUT, useExisting: OurLogout },
  ],
  exports: [UPSTREAM_LOGOUT],
})
export class SingleLogoutModule {}
