import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { TransientStoreModule } from '@app/transient-store';
import { KeyRotation } from './key-rotation.js';
import { loadOrCreateMasterKey } from './master-key-file.js';
import { SecretBox } from './secret-box.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeys } from './signing-keys.js';

/**
 * Needs the configuration and the database from their global modules. The minute's tick runs where the application
 * imports `ScheduleModule.forRoot()`.
 */
@Module({})
export class KeysModule {
  /** One object for all importers: Nest tells dynamic modules apart by reference, and there is one set of keys. */
  private static readonly root: DynamicModule = {
    module: KeysModule,
    imports: [AuditModule, TransientStoreModule.forRoot()],
    providers: [
      { provide: SecretBox, inject: [GATEHOUSE_CONFIG], useFactory: createSecretBox },
      SigningKeyRepository,
      SigningKeys,
      KeyRotation,
    ],
    exports: [SecretBox, SigningKeys, KeyRotation],
  };

  static forRoot(): DynamicModule {
    return KeysModule.root;
  }
}

/** @throws Error in production without a configured master key (D63). */
async function createSecretBox(config: GatehouseConfig): Promise<SecretBox> {
  if (config.masterKeys.length > 0 || config.production) return new SecretBox(config.masterKeys);
  const logger = new Logger(SecretBox.name);
  return new SecretBox([await loadOrCreateMasterKey(config.dataDir, (message) => logger.warn(message))]);
}
