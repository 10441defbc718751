import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

function freePort() {
  return new Promise((found) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}

/** Runs a program of Node until it says so; what it prints is kept for who must know why it did not. */
async function start(script, { cwd, env, until }) {
  const child = spawn(process.execPath, [script], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
  const exited = new Promise((done) => child.once('exit', done));
  while (!(await until(() => printed))) {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}:\n${printed}`);
    await new Promise((again) => setTimeout(again, 50));
  }
  return async () => {
    child.kill('SIGTERM');
    await exited;
  };
}

/** Where it is, and where applications are. */
const [port, idpPort, ownPort] = [await freePort(), await freePort(), await freePort()];
export const gatehouse = `http://localhost:${port}`;
export const application = `http://localhost:${ownPort}`;
/** One installation for all, whose file is another each time: a database is made once. */
const data = mkdtempSync(join(tmpdir(), 'gatehouse-recipe-'));
const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
after(() => remove(data));

/** A Gatehouse by `npm start` with the YAML of a recipe, and a place for the application beside it. */
export async function begin(yaml, env = {}) {
  const here = (text) =>
    text
      .replaceAll('https://login.example.com', gatehouse)
      .replaceAll('localhost:8080', `localhost:${port}`)
      .replaceAll(/\b3000\b|(?<=%3A)3000/g, `${ownPort}`);
  // Programs of the recipe find their packages from here, as if they had been installed.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache/recipe-'));
  writeFileSync(join(folder, 'gatehouse.yaml'), here(yaml));
  const own = { HOME: data, PORT: port, TEST_IDP_PORT: idpPort, GATEHOUSE_DATA_DIR: join(data, 'data') };
  const stop = await start(join(root, 'scripts/start.mjs'), {
    cwd: folder,
    env: { ...own, GATEHOUSE_CONFIG: 'gatehouse.yaml', ...env },
    until: (printed) => printed().includes('is ready'),
  });
  const ends = [stop];
  return {
    here,
    /** Runs a program of the recipe until it answers. */
    run: async (program, programEnv = {}) => {
      const file = join(folder, 'application.mjs');
      writeFileSync(file, here(program));
      const answers = () =>
        fetch(application, { redirect: 'manual' }).then(
          () => true,
          () => false,
        );
      ends.unshift(await start(file, { cwd: folder, env: programEnv, until: answers }));
    },
    end: async () => {
      for (const stopIt of ends) await stopIt();
      remove(folder);
    },
  };
}

/** Whether Gatehouse asks this browser who its owner is. */
export const asks = ({ url, text }) => url.origin === gatehouse && text.includes('Sign in with');

/** The person signs out at Gatehouse itself. */
export async function signOutOfGatehouse(person) {
  const question = await person.open(`${gatehouse}/oauth2/logout`);
  const ticket = /name="ticket" value="([^"]+)"/.exec(question.text)[1];
  const body = new URLSearchParams({ ticket, decision: 'sign_out' });
  await person.open(`${gatehouse}/oauth2/logout/answer`, undefined, { method: 'POST', body });
}
