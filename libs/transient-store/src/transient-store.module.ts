import { Inject, Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { REVOCATION_MIRROR } from './revocation-mirror.js';
import { openStore, type OpenStore } from './open-store.js';
import { TRANSIENT_STORE } from './transient-store.js';

const OPEN_STORE = Symbol('OpenStore');

/**
 * Provides TRANSIENT_STORE and REVOCATION_MIRROR as the configuration says (`redisUrl` or the process's own memory), and
 * closes them when the application ends. A Redis that is away at start does not stop it: the store recovers by itself.
 */
@Module({})
export class TransientStoreModule implements OnApplicationShutdown {
  /** One object for all importers: Nest tells dynamic modules apart by reference, and there must be one connection. */
  private static readonly root: DynamicModule = {
    module: TransientStoreModule,
    providers: [
      {
        provide: OPEN_STORE,
        inject: [GATEHOUSE_CONFIG, CLOCK],
        useFactory: (config: GatehouseConfig, clock: Clock): Promise<OpenStore> => {
          const logger = new Logger('TransientStore');
          return openStore({
            redisUrl: config.redisUrl?.reveal(),
            now: () => clock().getTime(),
            log: (level, message) => (level === 'warn' ? logger.warn(message) : logger.log(message)),
          });
        },
      },
      { provide: TRANSIENT_STORE, inject: [OPEN_STORE], useFactory: (open: OpenStore) => open.store },
      { provide: REVOCATION_MIRROR, inject: [OPEN_STORE], useFactory: (open: OpenStore) => open.mirror },
    ],
    exports: [TRANSIENT_STORE, REVOCATION_MIRROR],
  };

  constructor(@Inject(OPEN_STORE) private readonly open: OpenStore) {}

  static forRoot(): DynamicModule {
    return TransientStoreModule.root;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.open.close();
  }
}
