/** Row 14 of the vault's failures: a master key replaced under load, by the real command, killed in the middle. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule, loadConfig } from '@app/config';
import { Database, DatabaseModule, DEFAULT_ORGANIZATION } from '@app/database';
import { SealedTablesModule } from '@app/keys';
import { Vault, VaultModule } from '@app/vault';
import { startFakeUpstream, type FakeUpstream } from '../../../test/harness/fake-upstream.js';
import { freePort } from '../../../test/harness/gatehouse.js';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { FoundationModule } from '../../../test/harness/foundation.module.js';
import { SEALED } from '@app/operations';

const CLI = path.resolve('dist/apps/server/apps/server/src/cli.js');
const SERVER = path.resolve('dist/apps/server/apps/server/src/main.js');
const WORKER = path.resolve('dist/apps/worker/apps/worker/src/main.js');
const keyOf = (byte: number) => Buffer.alloc(32, byte).toString('base64url');
const OLD = `old-2026:${keyOf(1)}`;
const NEW = `new-2027:${keyOf(2)}`;
const CONNECTIONS = 1_200;
const ORGANIZATIONS = 30;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let upstream: FakeUpstream;
let folder: string;
let yaml: string;
const contexts: INestApplicationContext[] = [];
const connected: { organizationId: string; id: string }[] = [];

/** An instance as the servers have it, without their HTTP. */
async function instance(masterKeys: string): Promise<{ vault: Vault; database: Database }> {
  const config = loadConfig(
    {
      GATEHOUSE_CONFIG: 'spec.yaml',
      DATABASE_URL: database.url,
      GATEHOUSE_DATA_DIR: path.join(folder, randomUUID()),
      GATEHOUSE_MASTER_KEYS: masterKeys,
      GATEHOUSE_VAULT_SCHEDULE: 'false',
      TEST_IDP_PORT: 'off',
    },
    () => yaml,
  );
  const context = await NestFactory.createApplicationContext(
    {
      module: class Instance {},
      imports: [
        ConfigModule.forConfig(config),
        DatabaseModule.forRoot(),
        FoundationModule,
        SealedTablesModule.over(SEALED),
        VaultModule,
      ],
    },
    { logger: false, abortOnError: false },
  );
  contexts.push(context);
  return { vault: context.get(Vault, { strict: false }), database: context.get(Database, { strict: false }) };
}

function run(file: string, args: readonly string[], masterKeys: string, port = 1) {
  const child = spawn(process.execPath, [file, ...args], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.url,
      GATEHOUSE_MASTER_KEYS: masterKeys,
      GATEHOUSE_CONFIG: path.join(folder, 'spec.yaml'),
      GATEHOUSE_DATA_DIR: path.join(folder, 'process'),
      PORT: String(port),
      WORKER_PORT: String(port),
      TEST_IDP_PORT: 'off',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let heard: () => void = () => undefined;
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      heard();
    });
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => {
      heard();
      resolve({ code, output });
    }),
  );
  return {
    ended,
    /** SIGKILL as soon as it has printed this. */
    killAt: async (line: RegExp) => {
      while (!line.test(output) && child.exitCode === null) await new Promise<void>((resolve) => (heard = resolve));
      child.kill('SIGKILL');
      return ended;
    },
  };
}

const underRetired = async ({ database: of }: { database: Database }) => {
  const [row] = await of.query<{ retired: number; current: number }>(
    `SELECT count(*) FILTER (WHERE k.retired_at IS NOT NULL)::int AS retired,
            count(*) FILTER (WHERE k.retired_at IS NULL)::int AS current
     FROM connections c JOIN data_keys k ON k.id = c.data_key_id`,
  );
  return row ?? { retired: -1, current: -1 };
};

const token = (vault: Vault, { organizationId, id }: { organizationId: string; id: string }, force = false) =>
  vault.token(organizationId, id, { freshness: force ? 'new_generation' : 'fresh_enough', minTtlMs: undefined });

beforeAll(async () => {
  database = await freshDatabase();
  upstream = await startFakeUpstream({ rotation: 'single_use', family_revocation: true, access_ttl: 3600 });
  folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-reseal-'));
  yaml = `
oauth_providers:
  - { id: up, type: oauth2, sign_in: false, rotation: single_use, client_id: fake-client, client_secret: fake-secret,
      authorization_url: '${upstream.issuer}/authorize', token_url: '${upstream.issuer}/token' }
`;
  writeFileSync(path.join(folder, 'spec.yaml'), yaml);
  const first = await instance(OLD);
  const organizations = [DEFAULT_ORGANIZATION.id, ...Array.from({ length: ORGANIZATIONS - 1 }, () => randomUUID())];
  await first.database.query(
    `INSERT INTO organizations (id, name) SELECT id, 'o-' || id FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING`,
    [organizations],
  );
  await first.database.query(`INSERT INTO providers (id, organization_id) VALUES ('up', $1) ON CONFLICT DO NOTHING`, [
    DEFAULT_ORGANIZATION.id,
  ]);
  const issued = await upstream.issue(CONNECTIONS);
  for (let at = 0; at < issued.length; at += 100) {
    await Promise.all(
      issued.slice(at, at + 100).map(async (one, index) => {
        const organizationId = organizations[index % organizations.length] ?? DEFAULT_ORGANIZATION.id;
        const { id } = await first.vault.create(
          {
            organizationId,
            providerId: 'up',
            userId: undefined,
            origin: 'import',
            label: undefined,
            subject: undefined,
            tokens: {
              accessToken: one.access_token,
              refreshToken: one.refresh_token,
              tokenType: 'Bearer',
              scope: one.scope,
              expiresInSeconds: one.expires_in,
              refreshExpiresInSeconds: undefined,
              metadata: {},
            },
            actor: 'user:spec',
          },
          {},
        );
        connected.push({ organizationId, id });
      }),
    );
  }
});

/** Ends the load also where a test failed under it. */
const ending = new AbortController();

afterAll(async () => {
  ending.abort();
  for (const context of contexts) await context.close();
  await upstream.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

describe('vault failure 14', () => {
  it('old key removed too early: server, worker and command refuse to start, and name it with its tables', async () => {
    const port = await freePort();
    for (const [file, args] of [
      [SERVER, []],
      [WORKER, []],
      [CLI, ['vault:reseal']],
    ] as const) {
      const { code, output } = await run(file, args, NEW, port).ended;
      expect([file, code]).toEqual([file, 78]);
      expect(output).toContain('old-2026');
      expect(output).toMatch(/\d+ of signing_keys/);
      expect(output).toContain(`${ORGANIZATIONS} of data_keys`);
      expect(output).toContain('GATEHOUSE_MASTER_KEYS');
      expect(output).not.toContain(keyOf(1));
    }
  });

  it('keys replaced during load, the command killed in the middle and run again: zero failed reads', async () => {
    // As the manual has it: first everybody knows the new key, then everybody seals with it.
    const knows = await instance(`${OLD},${NEW}`);
    const seals = await instance(`${NEW},${OLD}`);
    let reads = 0;
    let refreshes = 0;
    const failed: string[] = [];
    const load = [knows, seals, knows, seals].map(async ({ vault }, lane) => {
      for (let at = lane; !ending.signal.aborted; at += 7) {
        const one = connected[(at * 13) % connected.length];
        if (one === undefined) return;
        const force = at % 5 === 0;
        const answer = await token(vault, one, force).catch((error: unknown) => ({ kind: String(error) }));
        if (force) refreshes += 1;
        else reads += 1;
        if (answer.kind !== 'token') failed.push(answer.kind);
      }
    });
    await knows.database.query(`UPDATE data_keys SET created_at = created_at - interval '2 days'`);
    const command = () => run(CLI, ['vault:reseal', '--tokens'], `${NEW},${OLD}`);
    const killed = await command().killAt(/connections: \d+ of \d+ sealed/);
    expect(killed.code).toBeNull();
    const half = await underRetired(knows);
    expect(half.retired).toBeGreaterThan(0);
    expect(half.current).toBeGreaterThan(0);
    const [again, beside] = await Promise.all([command().ended, command().ended]);
    expect([again.code, beside.code, again.output]).toEqual([0, 0, again.output]);
    expect(again.output).toContain('data keys: done, 0 replaced');
    expect(again.output).toContain('Master key "old-2026" is no longer needed');
    ending.abort();
    await Promise.all(load);
    expect(failed).toEqual([]);
    expect([reads > 100, refreshes > 20]).toEqual([true, true]);
    const alone = await instance(NEW);
    const kinds = await Promise.all(connected.map(async (one) => (await token(alone.vault, one)).kind));
    expect(kinds.filter((kind) => kind !== 'token')).toEqual([]);
    const { replayed, refused, duplicate_grants } = (await upstream.stats()).refresh;
    expect({ replayed, refused, duplicate_grants }).toEqual({ replayed: 0, refused: 0, duplicate_grants: 0 });
  });

  it.each([
    ['another connection', 'c.organization_id = o.organization_id', 'access_token = o.access_token'],
    ['another organization', 'c.organization_id <> o.organization_id', 'access_token = o.access_token'],
    ['another field', 'c.id = o.id', 'access_token = o.refresh_token'],
    ['an older generation', 'c.id = o.id', 'generation = o.generation + 1'],
  ])('a sealed value of %s is refused, and its reader learns nothing', async (_what, pair, change) => {
    const { vault, database: db } = await instance(NEW);
    const [swapped] = await db.query<{ id: string; organization_id: string }>(
      `UPDATE connections c SET ${change} FROM connections o
       WHERE (c.id, o.id) IN (
         SELECT c.id, o.id FROM connections c JOIN connections o ON ${pair} AND (c.id <> o.id OR ${pair === 'c.id = o.id'})
         WHERE c.id = $1 LIMIT 1)
       RETURNING c.id, c.organization_id`,
      [connected.pop()?.id],
    );
    if (swapped === undefined) throw new Error('nothing was swapped');
    const one = { organizationId: swapped.organization_id, id: swapped.id };
    const refusal = await token(vault, one).then(
      (answer) => JSON.stringify(answer, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
      (error: unknown) => error as Error,
    );
    expect(refusal).toMatchObject({ name: 'TokenNotAuthentic' });
    expect((refusal as Error).message).toMatch(
      /^the sealed access_token of conn_\w+, generation \d+, was changed or moved$/,
    );
  });
});
