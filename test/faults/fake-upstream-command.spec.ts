import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { loadConfig } from '@app/config';
import { startFakeUpstream } from '../harness/fake-upstream.js';
import { refresh } from '../harness/fake-upstream-requests.js';

const SCRIPT = 'scripts/fake-upstream.mjs';
const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe('npm run fake-upstream', () => {
  it('is a script of package.json, and needs nothing that is built or installed', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    expect(scripts['fake-upstream']).toBe(`node ${SCRIPT}`);
  });

  it('explains every setting', async () => {
    const { code, output } = await run('--help');
    expect(code).toBe(0);
    for (const option of ['--port', '--host', '--seed', '--access-ttl', '--rotation', '--family-revocation']) {
      expect(output).toContain(option);
    }
  });

  it.each([
    [['--rotation', 'sometimes'], 'rotation must be one of single_use, grace, reusable'],
    [['--access-ttl=soon'], 'access_ttl must be a whole number'],
    [['--port', '70000'], 'port must be from 0 to 65535'],
    [['--no-such'], "Unknown option '--no-such'"],
  ])('refuses %j', async (args, message) => {
    const { code, output } = await run(...args);
    expect(code).toBe(1);
    expect(output).toContain(message);
  });

  it('says where it listens, takes its settings, and ends with 0 at SIGTERM, hanging callers or not', async () => {
    const child = spawn(
      process.execPath,
      [SCRIPT, '--port', '0', '--latency', '1', '--no-family-revocation', '--access-ttl', '9'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /at (http:\/\/127\.0\.0\.1:\d+) /.exec(line.toString())?.[1];
    const settings = await (await fetch(`${url}/__control/settings`)).json();
    expect(settings).toMatchObject({ latency_ms: 1, family_revocation: false, access_ttl: 9 });
    await fetch(`${url}/__control/faults`, { method: 'POST', body: '{"fault": "hang_before", "on": "any"}' });
    const hanging = fetch(`${url}/userinfo`).catch(() => 'ended');
    while (JSON.stringify(await (await fetch(`${url}/__control/stats`)).json()).includes('"in_flight":0')) continue;
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await hanging).toBe('ended');
  });

  it('is described whole: every fault and every setting is in the document', async () => {
    const upstream = await startFakeUpstream();
    const known = async (what: string) => (await fetch(`${upstream.url}/__control/${what}`)).json() as Promise<object>;
    const faults = Reflect.get(await known('faults'), 'known') as object;
    const names = [...Object.keys(faults), ...Object.keys(await known('settings'))];
    const document = readFileSync('docs/fake-upstream.md', 'utf8');
    expect(names.length).toBeGreaterThan(45);
    expect(names.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
    await upstream.close();
  });

  it('is described with a configuration of Gatehouse that loads', () => {
    const document = readFileSync('docs/fake-upstream.md', 'utf8');
    const yaml = /```yaml\n(.*?)```/s.exec(document)?.[1] ?? '';
    const { providers } = loadConfig({ GATEHOUSE_CONFIG: 'gatehouse.yaml' }, () => yaml);
    expect(providers).toContainEqual(
      expect.objectContaining({ id: 'fake', type: 'oauth2', tokenUrl: 'http://127.0.0.1:9400/token' }),
    );
  });

  it('names a port that is taken', async () => {
    const upstream = await startFakeUpstream();
    const { code, output } = await run('--port', new URL(upstream.url).port);
    expect([code, output]).toEqual([1, expect.stringContaining('is taken')]);
    await upstream.close();
  });

  it('ends with the process that forked it', async () => {
    const child = fork(SCRIPT, ['--port=0'], { silent: true, execArgv: [] });
    children.push(child);
    await once(child, 'message');
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('refuses to be steered by a page in a browser', async () => {
    const upstream = await startFakeUpstream();
    const headers = { origin: 'https://evil.example' };
    const answer = await fetch(`${upstream.url}/__control/reset`, { method: 'POST', headers });
    expect(answer.status).toBe(403);
    await upstream.close();
  });

  it('goes down and comes back without forgetting anything', async () => {
    const upstream = await startFakeUpstream();
    const [set] = await upstream.issue();
    await upstream.goDown();
    await expect(refresh(upstream, set?.refresh_token)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await upstream.comeBack();
    expect((await refresh(upstream, set?.refresh_token)).status).toBe(200);
    await fetch(`${upstream.url}/__control/outage`, { method: 'POST', body: '{"ms": 50}' });
    while ((await upstream.stats().catch(() => undefined)) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect((await upstream.stats()).refresh.granted).toBe(1);
    await upstream.close();
  });
});
