import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditModule } from '@app/audit';
import { ClientsModule } from '@app/clients';
import { DirectoryModule } from '@app/directory';
import { RevocationModule } from '@app/revocation';
import { AccessTokenVerifier } from './access-token-verifier.js';
import { ApplicationTokens } from './application-tokens.js';
import { AuthorizationCodes } from './authorization-codes.js';
import { BearerGuard } from './bearer.guard.js';
import { BearerStrategy } from './bearer.strategy.js';
import { DeviceAuthorizations } from './device-authorizations.js';
import { AuthorizationCodeGrant } from './grants/authorization-code.grant.js';
import { DpopProofs } from './dpop/dpop-proofs.js';
import { PresentedTokens } from './dpop/presented-tokens.js';
import { ClientCredentialsGrant } from './grants/client-credentials.grant.js';
import { DeviceCodeGrant } from './grants/device-code.grant.js';
import { RefreshTokenGrant } from './grants/refresh-token.grant.js';
import { TokenExchangeGrant } from './grants/token-exchange.grant.js';
import { IdTokenHints } from './id-token-hints.js';
import { Introspection } from './introspection.js';
import { IntrospectionController } from './introspection.controller.js';
import { OperatorAccess } from './operator-access.js';
import { RefreshTokens } from './refresh-tokens.js';
import { RevocationController } from './revocation.controller.js';
import { Sessions } from './sessions.js';
import { SilentSessions } from './silent-sessions.js';
import { TokenEndpoint } from './token-endpoint.js';
import { TokenHousekeeping } from './token-housekeeping.js';
import { TokenIssuer } from './token-issuer.js';
import { TokenRevocation } from './token-revocation.js';
import { TokenController } from './token.controller.js';
import { UserProfiles } from './user-profiles.js';
import { UserinfoController } from './userinfo.controller.js';
import { WellKnownController } from './well-known.controller.js';

@Module({
  imports: [AuditModule, RevocationModule, DirectoryModule, ClientsModule],
  controllers: [
    TokenController,
    IntrospectionController,
    RevocationController,
    UserinfoController,
    WellKnownController,
  ],
  providers: [
    UserProfiles,
    AccessTokenVerifier,
    OperatorAccess,
    DpopProofs,
    PresentedTokens,
    BearerStrategy,
    { provide: APP_GUARD, useClass: BearerGuard },
    AuthorizationCodes,
    DeviceAuthorizations,
    RefreshTokens,
    Sessions,
    SilentSessions,
    TokenIssuer,
    IdTokenHints,
    AuthorizationCodeGrant,
    RefreshTokenGrant,
    ClientCredentialsGrant,
    TokenExchangeGrant,
    DeviceCodeGrant,
    TokenEndpoint,
    Introspection,
    TokenRevocation,
    TokenHousekeeping,
    ApplicationTokens,
  ],
  exports: [
    DpopProofs,
    IdTokenHints,
    ApplicationTokens,
    AuthorizationCodes,
    DeviceAuthorizations,
    RefreshTokens,
    Sessions,
    SilentSessions,
    TokenEndpoint,
    TokenIssuer,
    AccessTokenVerifier,
    OperatorAccess,
  ],
})
export class TokensModule {}
