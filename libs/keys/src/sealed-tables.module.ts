import { Global, Module, type DynamicModule, type Type } from '@nestjs/common';
import { KeysModule } from './keys.module.js';
import { requireMasterKeys } from './missing-master-keys.js';
import { SEALED_TABLES, type SealedTable } from './sealed-table.js';
import { SecretBox } from './secret-box.js';

/**
 * Provides SEALED_TABLES, and by that refuses to start an application that could not open what they hold: after the
 * migrations, before any room looks at its keys, and long before anything is served.
 */
@Global()
@Module({})
export class SealedTablesModule {
  static over(tables: readonly Type<SealedTable>[]): DynamicModule {
    return {
      module: SealedTablesModule,
      imports: [KeysModule.forRoot()],
      providers: [
        ...tables,
        {
          provide: SEALED_TABLES,
          inject: [SecretBox, ...tables],
          useFactory: async (box: SecretBox, ...made: SealedTable[]) => {
            await requireMasterKeys(box, made);
            return made;
          },
        },
      ],
      exports: [SEALED_TABLES],
    };
  }
}
