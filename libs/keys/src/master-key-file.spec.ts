import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { loadOrCreateMasterKey } from './master-key-file.js';

/** Compiles the file as it is and runs it in a process of its own, all of them in the same millisecond. */
async function loadInAnotherProcess(dir: string, startAt: number): Promise<string> {
  const code = `
    const { transformFileSync } = require('@swc/core');
    const load = (file) => {
      const { code } = transformFileSync(file, { jsc: { parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } });
      const module = { exports: {} };
      const requireHere = (name) => (name === '@app/config' ? load('libs/config/src/secret.ts') : require(name));
      new Function('module', 'exports', 'require', code)(module, module.exports, requireHere);
      return module.exports;
    };
    const { loadOrCreateMasterKey } = load('libs/keys/src/master-key-file.ts');
    while (Date.now() < ${startAt});
    loadOrCreateMasterKey(${JSON.stringify(dir)}, () => {}).then(({ id }) => process.stdout.write(id));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], {
    cwd: path.join(__dirname, '../../..'),
  });
  return stdout;
}

describe('D63', () => {
  let dir: string;
  let file: string;
  const warnings: string[] = [];
  const load = () => loadOrCreateMasterKey(dir, (message) => warnings.push(message));

  beforeEach(() => {
    dir = path.join(mkdtempSync(path.join(os.tmpdir(), 'gatehouse-keys-')), 'data');
    file = path.join(dir, 'master-key');
    warnings.length = 0;
  });
  afterEach(() => rmSync(path.dirname(dir), { recursive: true }));

  it('generates a master key once, in a file of mode 0600', async () => {
    const first = await load();
    expect(first.key.reveal()).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await load();
    expect(again.id).toBe(first.id);
    expect(again.key.reveal()).toEqual(first.key.reveal());
    expect(readdirSync(dir)).toEqual(['master-key']);
    expect(warnings).toEqual([]);
  });

  it('gives processes that start together one key', async () => {
    const startAt = Date.now() + 1500;
    const ids = await Promise.all(Array.from({ length: 6 }, () => loadInAnotherProcess(dir, startAt)));
    expect(ids[0]).toMatch(/^dev-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(1);
    expect(readdirSync(dir)).toEqual(['master-key']);
  });

  it('closes a file that others could read, and says so', async () => {
    const { id } = await load();
    chmodSync(file, 0o644);
    expect((await load()).id).toBe(id);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([expect.stringContaining('had mode 0644')]);
    expect(warnings[0]).not.toContain(readFileSync(file, 'utf8').trim());
  });

  it('does not follow a link', async () => {
    const { key } = await load();
    const elsewhere = path.join(path.dirname(dir), 'elsewhere');
    writeFileSync(elsewhere, key.reveal().toString('base64url'));
    rmSync(file);
    symlinkSync(elsewhere, file);
    await expect(load()).rejects.toThrow('plain file');
  });

  it.each(['', 'too short', Buffer.alloc(33).toString('base64url'), `${Buffer.alloc(32).toString('hex')}`])(
    'refuses a damaged file (%j) instead of replacing it',
    async (content) => {
      await load();
      writeFileSync(file, content);
      await expect(load()).rejects.toThrow(`${file} is not a master key`);
      expect(readFileSync(file, 'utf8')).toBe(content);
    },
  );

  it('names another key by another id', async () => {
    const first = await load();
    rmSync(file);
    expect((await load()).id).not.toBe(first.id);
  });
});
