/** The built server as a process, the way a supervisor sees it. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, startGatehouse } from '../../../test/harness/gatehouse.js';
import { freshDatabase } from '../../../test/harness/postgres.js';

const SERVER = path.resolve('dist/apps/server/apps/server/src');

function run(file: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    const child = spawn(process.execPath, [path.join(SERVER, file), ...args], {
      env: { PATH: process.env.PATH, ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** Is a process of this command line alive that listens to this test provider port? */
function testIdpChildren(parent: number): number[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
  return children
    .split(' ')
    .filter((pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('test-idp'))
    .map(Number);
}

/** A zombie has no command line. */
const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';

let database: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

describe('main', () => {
  it('tells every wrong setting in plain words and exits with 78', async () => {
    const { code, output } = await run('main.js', [], { PORT: 'abc', PUBLIC_URL: 'ftp://x' });
    expect(code).toBe(78);
    expect(output).toContain('PORT:');
    expect(output).toContain('PUBLIC_URL:');
    expect(output).not.toMatch(/\bat .*\.js:\d+/);
  });

  it('says why it cannot start, without the password, and exits with 1', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-main-'));
    const { code, output } = await run('main.js', [], {
      PORT: String(await freePort()),
      GATEHOUSE_DATA_DIR: folder,
      TEST_IDP_PORT: 'off',
      DATABASE_URL: 'postgres://user:pass-word-of-db@127.0.0.1:1/nothing',
    });
    rmSync(folder, { recursive: true, force: true });
    expect(code).toBe(1);
    expect(output).toContain('could not start');
    expect(output).not.toContain('pass-word-of-db');
  });

  it('ends cleanly on SIGTERM, exit code 0', async () => {
    const server = await startGatehouse({ databaseUrl: database.url });
    expect(server.log()).toContain(`Gatehouse is ready at ${server.publicUrl}/`);
    expect(await server.stop()).toBe(0);
  });

  it('D22: starts the test provider, replaces it when it dies, and takes it along', async () => {
    const port = await freePort();
    const server = await startGatehouse({ databaseUrl: database.url, env: { TEST_IDP_PORT: String(port) } });
    const discovery = () =>
      fetch(`http://localhost:${port}/.well-known/openid-configuration`).then(
        ({ status }) => status,
        () => 0,
      );
    const until = async (seen: () => boolean | Promise<boolean>) => {
      while (!(await seen())) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until(async () => (await discovery()) === 200);
    const [first] = testIdpChildren(server.pid);
    if (first === undefined) throw new Error('no child');
    process.kill(first, 'SIGKILL');
    await until(() => testIdpChildren(server.pid).some((pid) => pid !== first));
    await until(async () => (await discovery()) === 200);
    expect(server.log()).toContain('starting it again');
    const [second = 0] = testIdpChildren(server.pid);
    await server.kill();
    await until(() => !isAlive(second));
  });

  it('serves without the test provider when its port is taken, and says so', async () => {
    const taken = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    const server = await startGatehouse({ databaseUrl: database.url, env: { TEST_IDP_PORT: String(port) } });
    const complaint = /test-idp: port \d+ is taken; set TEST_IDP_PORT/;
    while (!complaint.test(server.log())) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await server.stop()).toBe(0);
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe('cli', () => {
  const env = () => ({
    DATABASE_URL: database.url,
    GATEHOUSE_MASTER_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
    TEST_IDP_PORT: 'off',
  });

  it('explains itself', async () => {
    expect(await run('cli.js', ['help'], {})).toMatchObject({ code: 0 });
    const { code, output } = await run('cli.js', ['keys:rotat'], {});
    expect(code).toBe(64);
    expect(output).toContain('there is no command "keys:rotat"');
    expect(output).toContain('keys:rotate --now');
    expect((await run('cli.js', ['constructor'], {})).code).toBe(64);
  });

  it('rotates keys', async () => {
    const server = await startGatehouse({ databaseUrl: database.url });
    await server.stop();
    const rotated = await run('cli.js', ['keys:rotate'], env());
    expect(rotated.output).toContain('published ES256 key');
    expect(rotated.code).toBe(0);
    expect((await run('cli.js', ['keys:rotate', '--wrong'], env())).code).toBe(1);
  });

  it('tells wrong settings as the server does', async () => {
    expect(await run('cli.js', ['keys:rotate'], { PORT: 'abc' })).toMatchObject({ code: 78 });
  });
});
