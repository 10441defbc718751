import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Deployment } from './instances.spec-support.js';

let deployment: Deployment;
let dataDir: string;

beforeEach(async () => {
  deployment = await Deployment.open();
  dataDir = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-keys-'));
});
afterEach(async () => {
  await deployment.close();
  rmSync(dataDir, { recursive: true });
});

describe('D63', () => {
  it('seals with the generated master key in development, and finds it again', async () => {
    const config = { production: false, masterKeys: [], dataDir };
    const before = await deployment.start({ config });
    const sealed = before.box.seal('secret', 'place');
    await before.stop();
    const after = await deployment.start({ config });
    expect(after.box.open(sealed, 'place').toString()).toBe('secret');
    expect(existsSync(path.join(dataDir, 'master-key'))).toBe(true);
  });

  it('generates none in production', async () => {
    const config = { production: true, masterKeys: [], dataDir };
    await expect(deployment.start({ config })).rejects.toThrow('GATEHOUSE_MASTER_KEYS');
    expect(existsSync(path.join(dataDir, 'master-key'))).toBe(false);
  });
});

describe('D40', () => {
  it('looks after the keys once a minute where the application runs schedules', async () => {
    const { module, rotation } = await deployment.start({ imports: [ScheduleModule.forRoot()] });
    const timer = module.get(SchedulerRegistry).getInterval('key-rotation') as { _repeat?: number };
    expect(timer._repeat).toBe(60_000);
    await expect(rotation.tick()).resolves.toBeUndefined();
  });
});
