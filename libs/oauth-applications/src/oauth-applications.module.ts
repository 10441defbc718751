import { Module } from '@nestjs/common';
import { ClientsModule } from '@app/clients';
import { EdgeModule } from '@app/edge';
import { OrganizationsModule } from '@app/organizations';
import { TokensModule } from '@app/tokens';
import { ApplicationStateController } from './application-state.controller.js';
import { ApplicationsController } from './applications.controller.js';
import { OAuthTokens } from './oauth-tokens.js';
import {
  PlanetScaleController,
  PlanetScaleGoController,
  PlanetScaleUnversionedController,
} from './planetscale.controller.js';

@Module({
  imports: [ClientsModule, EdgeModule, OrganizationsModule, TokensModule],
  controllers: [
    ApplicationsController,
    ApplicationStateController,
    PlanetScaleController,
    PlanetScaleUnversionedController,
    PlanetScaleGoController,
  ],
  providers: [OAuthTokens],
})
export class OAuthApplicationsModule {}
