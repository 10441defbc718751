import { randomUUID } from 'node:crypto';
import { OtherAccount } from './vault.js';
import { ORGANIZATION, tokenSetOf, VaultWorld, type VaultInstance } from './vault.spec-support.js';

const CONTEXT = { requestId: 'spec', remoteAddress: '127.0.0.1' };
let world: VaultWorld;
let one: VaultInstance;

beforeAll(async () => {
  world = await VaultWorld.start();
  one = await world.instance();
});
afterAll(() => world.stop());

async function aUser(): Promise<string> {
  const id = randomUUID();
  await one.database.query(
    `INSERT INTO users (id, organization_id, email, email_key, email_verified) VALUES ($1, $2, $3, $3, true)`,
    [id, ORGANIZATION, `${id}@example.com`],
  );
  return id;
}

async function grant(userId: string) {
  const [issued] = await world.upstream.issue(1);
  if (issued === undefined) throw new Error('nothing was issued');
  const person = { organizationId: ORGANIZATION, providerId: 'up', userId, label: undefined, subject: undefined };
  return { ...person, tokens: tokenSetOf(issued), actor: `user:${userId}` };
}

describe('D61 store_tokens', () => {
  it('one person’s sign-ins keep one connection, also two at once, and the newest tokens are in it', async () => {
    const userId = await aUser();
    const grants = [await grant(userId), await grant(userId), await grant(userId)];
    await Promise.all(grants.map((input) => one.vault.keepSignIn({ ...input, origin: 'sign_in' }, CONTEXT)));
    const kept = await one.vault.list(ORGANIZATION, { userId }, 10);
    expect(kept).toHaveLength(1);
    expect(kept[0]).toMatchObject({ origin: 'sign_in', generation: 3n, status: 'active' });
    const last = await grant(userId);
    await one.vault.keepSignIn({ ...last, origin: 'sign_in' }, CONTEXT);
    await expect(one.get(kept[0]?.id ?? '')).resolves.toMatchObject({
      token: { accessToken: last.tokens.accessToken, generation: 4n },
    });
  });

  it('a sign-in without a refresh token does not take away the one that is kept', async () => {
    const userId = await aUser();
    const first = { ...(await grant(userId)), subject: 'upstream-1', origin: 'sign_in' } as const;
    await one.vault.keepSignIn(first, CONTEXT);
    const second = await grant(userId);
    const tokens = { ...second.tokens, refreshToken: undefined };
    await one.vault.keepSignIn({ ...second, subject: 'upstream-1', tokens, origin: 'sign_in' }, CONTEXT);
    const [kept] = await one.vault.list(ORGANIZATION, { userId }, 10);
    expect(kept).toMatchObject({ generation: 1n, refreshable: true });
    await expect(one.force(kept?.id ?? '')).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
  });

  it('goes with the account of the person; what was connected or imported stays with the organization', async () => {
    const userId = await aUser();
    await one.vault.keepSignIn({ ...(await grant(userId)), origin: 'sign_in' }, CONTEXT);
    const imported = await one.vault.create({ ...(await grant(userId)), origin: 'import' }, CONTEXT);
    const all = await one.vault.list(ORGANIZATION, { userId }, 10);
    const signIn = all.find(({ origin }) => origin === 'sign_in');
    await one.database.query(`DELETE FROM users WHERE id = $1`, [userId]);
    await expect(one.vault.find(ORGANIZATION, signIn?.id ?? '')).resolves.toBeUndefined();
    await expect(one.find(imported.id)).resolves.toMatchObject({ userId: undefined, status: 'active' });
  });
});

describe('R17', () => {
  it('a connection does not change to another account, and nothing of an old grant stays beside a new one', async () => {
    const userId = await aUser();
    const first = await grant(userId);
    const made = await one.vault.create(
      {
        ...first,
        subject: 'a',
        origin: 'import',
        tokens: { ...first.tokens, metadata: { instance_url: 'https://old.example' } },
      },
      CONTEXT,
    );
    const { tokens, actor } = await grant(userId);
    await expect(
      one.vault.reconnect(ORGANIZATION, made.id, { tokens, actor, subject: 'b' }, CONTEXT),
    ).rejects.toBeInstanceOf(OtherAccount);
    expect(await one.find(made.id)).toMatchObject({ generation: 1n });
    await one.vault.reconnect(ORGANIZATION, made.id, { tokens, actor, subject: 'a' }, CONTEXT);
    expect(await one.find(made.id)).toMatchObject({ generation: 2n, metadata: {} });
  });
});
