import { Global, Module } from '@nestjs/common';
import { EdgeModule } from '@app/edge';
import { KeysModule } from '@app/keys';
import { TransientStoreModule } from '@app/transient-store';

/** What the server makes global for every room; configuration and database come beside it. */
@Global()
@Module({
  imports: [EdgeModule, TransientStoreModule.forRoot(), KeysModule.forRoot()],
  exports: [EdgeModule, TransientStoreModule, KeysModule],
})
export class FoundationModule {}
