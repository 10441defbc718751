import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { ClientsModule } from '@app/clients';
import { DirectoryModule } from '@app/directory';
import { OAuthProvidersModule } from '@app/oauth-providers';
import { RevocationModule } from '@app/revocation';
import { SamlModule } from '@app/saml';
import { TokensModule } from '@app/tokens';
import { ApplicationLogins } from './applications/application-logins.js';
import { ApplicationOutcome } from './applications/application-outcome.js';
import { ApplicationSignIn } from './applications/application-sign-in.js';
import { BrowserSessions } from './applications/browser-sessions.js';
import { ConsentsController } from './applications/consents.controller.js';
import { ConsentController } from './applications/consent.controller.js';
import { ConsentRequests } from './applications/consent-requests.js';
import { Consents } from './applications/consents.js';
import { SilentLogin } from './applications/silent-login.js';
import { AssertionConsumer } from './assertion-consumer.js';
import { AuthorizeController } from './authorize.controller.js';
import { CallbackHandlers } from './callback-handlers.js';
import { CallbackController } from './callback.controller.js';
import { OutcomeDelivery } from './delivery.js';
import { DeviceAuthorizationController } from './device/device-authorization.controller.js';
import { DeviceController } from './device/device.controller.js';
import { DeviceDecisions } from './device/device-decisions.js';
import { DeviceVisits } from './device/device-visits.js';
import { LogoutQuestions } from './logout/logout-questions.js';
import { PostLogoutTargets } from './logout/post-logout-target.js';
import { RpLogoutController } from './logout/rp-logout.controller.js';
import { LoginFlow } from './login-flow.js';
import { LoginTransactions } from './login-transactions.js';
import { ProviderChoice } from './provider-choice.js';
import { ProvidersController } from './providers.controller.js';
import { PushedRequestsController } from './pushed/pushed-requests.controller.js';
import { PushedRequests } from './pushed/pushed-requests.js';
import { RepeatedLogin } from './repeated-login.js';
import { SamlAcsController } from './saml-acs.controller.js';
import { SamlCompletion } from './saml-completion.js';
import { SamlLoginController } from './saml-login.controller.js';
import { SamlLogins } from './saml-logins.js';
import { SamlRefusals } from './saml-refusals.js';
import { SamlTransactions } from './saml-transactions.js';
import { SetupController } from './setup.controller.js';
import { SignIn } from './sign-in.js';
import { SignInTokenKeeper } from './sign-in-tokens.js';

@Module({
  imports: [
    AuditModule,
    RevocationModule,
    DirectoryModule,
    ClientsModule,
    OAuthProvidersModule,
    SamlModule,
    TokensModule,
  ],
  controllers: [
    AuthorizeController,
    PushedRequestsController,
    DeviceAuthorizationController,
    DeviceController,
    ConsentController,
    ConsentsController,
    RpLogoutController,
    CallbackController,
    ProvidersController,
    SamlLoginController,
    SamlAcsController,
    SetupController,
  ],
  providers: [
    LoginTransactions,
    SamlTransactions,
    ProviderChoice,
    RepeatedLogin,
    SignIn,
    BrowserSessions,
    PushedRequests,
    LogoutQuestions,
    PostLogoutTargets,
    Consents,
    ConsentRequests,
    ApplicationOutcome,
    DeviceVisits,
    DeviceDecisions,
    ApplicationSignIn,
    ApplicationLogins,
    SilentLogin,
    OutcomeDelivery,
    SamlRefusals,
    SamlLogins,
    AssertionConsumer,
    SamlCompletion,
    CallbackHandlers,
    SignInTokenKeeper,
    LoginFlow,
  ],
  exports: [SignIn, CallbackHandlers, SignInTokenKeeper],
})
export class SignInModule {}
