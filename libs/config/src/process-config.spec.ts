import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfigFromProcess } from './process-config.js';

describe('loadConfigFromProcess', () => {
  const before = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-config-'));

  afterEach(() => {
    process.env = before;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('reads the environment of the process and the file that it names', () => {
    const file = join(folder, 'gatehouse.yaml');
    writeFileSync(file, 'host: ${WHERE}\nport: 5000\n');
    process.env = { GATEHOUSE_CONFIG: file, WHERE: '::1', PORT: '5001' };
    expect(loadConfigFromProcess()).toMatchObject({ host: '::1', port: 5001, publicUrl: 'http://localhost:5001' });
  });

  it('says so when there is no such file', () => {
    process.env = { GATEHOUSE_CONFIG: join(folder, 'absent.yaml') };
    expect(loadConfigFromProcess).toThrow('GATEHOUSE_CONFIG: the file cannot be read (ENOENT)');
  });
});
