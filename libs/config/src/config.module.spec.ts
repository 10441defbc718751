import { Inject, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CLOCK, type Clock } from './clock.js';
import { ConfigModule, GATEHOUSE_CONFIG } from './config.module.js';
import type { GatehouseConfig } from './gatehouse-config.js';
import { load } from './load-for-spec.js';

@Injectable()
class Reader {
  constructor(
    @Inject(GATEHOUSE_CONFIG) readonly config: GatehouseConfig,
    @Inject(CLOCK) readonly clock: Clock,
  ) {}
}

/** Imports nothing: what it gets comes from the global module. */
@Module({ providers: [Reader] })
class Room {}

describe('ConfigModule', () => {
  it('hands the very configuration and clock to rooms that do not import it', async () => {
    const config = load();
    const clock: Clock = () => new Date('2030-01-01T00:00:00Z');
    const app = await Test.createTestingModule({ imports: [ConfigModule.forConfig(config, clock), Room] }).compile();
    expect(app.get(Reader, { strict: false }).config).toBe(config);
    expect(app.get(Reader, { strict: false }).clock).toBe(clock);
    await app.close();
  });

  it('runs on the clock of the machine by default', async () => {
    const app = await Test.createTestingModule({ imports: [ConfigModule.forConfig(load()), Room] }).compile();
    const before = Date.now();
    expect(app.get(Reader, { strict: false }).clock().getTime()).toBeGreaterThanOrEqual(before);
    await app.close();
  });
});
