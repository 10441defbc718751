import { randomUUID } from 'node:crypto';
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

  it('goes with the account of the person; what was connected or imported stays with the organization', async () => {
    const userId = await aUser();
    await one.vault.keepSignIn({ ...(await grant(userId)), origin: 'sign_in' }, CONTEXT);
    const imported = await one.vault.create({ ...(await grant(userId)), origin: 'import' }, CONTEXT);
    const [signIn] = (await one.vault.list(ORGANIZATION, { userId }, 10)).filter(({ origin }) => origin === 'sign_in');
    await one.database.query(`DELETE FROM users WHERE id = $1`, [userId]);
    await expect(one.vault.find(ORGANIZATION, signIn?.id ?? '')).resolves.toBeUndefined();
    await expect(one.find(imported.id)).resolves.toMatchObject({ userId: undefined, status: 'active' });
  });
});
