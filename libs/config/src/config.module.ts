import { Module, type DynamicModule } from '@nestjs/common';
import { CLOCK, type Clock } from './clock.js';
import type { GatehouseConfig } from './gatehouse-config.js';

/** Injection token of the {@link GatehouseConfig}. */
export const GATEHOUSE_CONFIG = Symbol('GatehouseConfig');

/** Hands the one configuration value, and the clock, to every module: global, so no room imports it. */
@Module({})
export class ConfigModule {
  /** @param clock the machine's clock unless a test moves its own */
  static forConfig(config: GatehouseConfig, clock: Clock = () => new Date()): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [
        { provide: GATEHOUSE_CONFIG, useValue: config },
        { provide: CLOCK, useValue: clock },
      ],
      exports: [GATEHOUSE_CONFIG, CLOCK],
    };
  }
}
