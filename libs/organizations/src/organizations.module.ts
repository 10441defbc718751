import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { DirectoryModule } from '@app/directory';
import { EdgeModule } from '@app/edge';
import { ApiKeysController } from './api-keys.controller.js';
import { KeyCommand } from './key-command.js';
import { KeyUsage } from './key-usage.js';
import { Members } from './members.js';
import { MembersController } from './members.controller.js';
import { Organizations } from './organizations.js';
import { OrganizationsController } from './organizations.controller.js';
import { ServiceTokensController } from './service-tokens.controller.js';
import { TenantCallers } from './tenant-callers.js';
import { TenantKeys } from './tenant-keys.js';

@Module({
  imports: [AuditModule, DirectoryModule, EdgeModule],
  controllers: [OrganizationsController, MembersController, ServiceTokensController, ApiKeysController],
  providers: [Organizations, KeyUsage, TenantKeys, TenantCallers, Members],
  // Nest makes a route's guard in the module of its controller, which so needs what the guard asks for.
  exports: [Organizations, TenantCallers],
})
export class OrganizationsModule {}

/** What the commands `service-token:create` and `api-key:create` need. */
@Module({
  imports: [AuditModule, EdgeModule],
  providers: [Organizations, KeyUsage, TenantKeys, KeyCommand],
})
export class OrganizationsCommandModule {}
