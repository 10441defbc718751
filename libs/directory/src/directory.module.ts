import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { RevocationModule } from '@app/revocation';
import { TransientStoreModule } from '@app/transient-store';
import { AccountDeletion } from './account-deletion.js';
import { AccountSignIn } from './account-sign-in.js';
import { AccountRepository } from './account.repository.js';
import { Administrators } from './administrators.js';
import { ConfiguredMembers } from './configured-members.js';
import { Directory } from './directory.js';
import { GroupRepository } from './group.repository.js';
import { ProviderGroupsController } from './provider-groups.controller.js';
import { ProviderRecords } from './provider-records.js';
import { ProviderUsersRepository } from './provider-users.repository.js';
import { SamlUsersController } from './saml-users.controller.js';
import { SetupLink } from './setup-link.js';
import { UserProfileReader } from './user-profile.js';
import { UsersMeController } from './users-me.controller.js';

@Module({
  imports: [AuditModule, RevocationModule, TransientStoreModule.forRoot()],
  controllers: [UsersMeController, ProviderGroupsController, SamlUsersController],
  providers: [
    AccountRepository,
    GroupRepository,
    ProviderUsersRepository,
    Administrators,
    ConfiguredMembers,
    AccountSignIn,
    UserProfileReader,
    Directory,
    ProviderRecords,
    AccountDeletion,
    SetupLink,
  ],
  exports: [Directory, ProviderRecords, SetupLink],
})
export class DirectoryModule {}

/** What the command `set-up-link` needs. */
@Module({
  imports: [AuditModule, TransientStoreModule.forRoot()],
  providers: [Administrators, SetupLink],
})
export class DirectoryCommandModule {}
