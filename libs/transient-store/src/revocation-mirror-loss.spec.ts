import { Cluster, Redis } from 'ioredis';
import { startRedisCluster, startTcpRedis } from '../../../test/harness/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { MIRROR_SLOT, RedisRevocationMirror } from './redis-revocation-mirror.js';
import { parseRedisUrl } from './redis-url.js';
import type { MirrorAnswer } from './revocation-mirror.js';
import { entry, Instance, none, onSocket } from './revocation-mirror.spec-support.js';

describe('D20, the server ends', () => {
  it('a restart makes the mirror untrusted until a re-warm; a write meanwhile is false, a read never throws', async () => {
    const { server, url, close } = await onSocket();
    const instance = await Instance.connect(url);
    const { mirror } = instance;
    await mirror.rewarm(async () => [entry('user:b', 7)]);

    await server.kill();
    expect(await mirror.write([entry('user:b', 8)])).toBe(false);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await mirror.rewarm(none)).toBe(false);
    expect(mirror.health()).toEqual({ trusted: false, reason: expect.stringMatching(/^Redis cannot be reached/) });

    const asked = new Promise<void>((resolve) => mirror.onUntrusted(resolve));
    await server.restart();
    await asked;
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await mirror.rewarm(async () => [entry('user:b', 8)])).toBe(true);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: true, generations: [8] });
    await instance.close();
    await close();
  });

  it('a restart that brings back yesterday, marker included, is not believed for one read', async () => {
    const { server, admin, url, close } = await onSocket();
    const connection = new RedisConnection(parseRedisUrl(url), { log: () => undefined });
    const atOnce: Promise<MirrorAnswer>[] = [];
    // Before the mirror's own handler: the read goes out ahead of the question who the server is.
    connection.onReady(() => atOnce.push(mirror.read(['user:b'])));
    const mirror = new RedisRevocationMirror(connection, { now: Date.now, log: () => undefined });
    await connection.settled();
    expect(await mirror.rewarm(none)).toBe(true);
    await admin.save();
    await mirror.write([entry('user:b', 7)]);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: true, generations: [7] });

    atOnce.length = 0;
    const back = new Promise<void>((resolve) => connection.onReady(resolve));
    await server.kill();
    await server.restart();
    await back;
    expect(await Promise.all(atOnce)).toEqual([{ trusted: false }]);
    await mirror.look();
    expect(await admin.exists('{gth:rev}:marker')).toBe(1);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    mirror.close();
    await connection.close();
    await close();
  });

  it('a hung server is untrusted, and its late answer changes nothing', async () => {
    const { server, url, close } = await onSocket();
    const instance = await Instance.connect(url);
    await instance.mirror.rewarm(none);
    server.suspend();
    expect(await instance.mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await instance.mirror.write([entry('user:b', 7)])).toBe(false);
    server.resume();
    await instance.close();
    await close();
  });

  it('a re-warm across a restart is refused', async () => {
    const { server, url, close } = await onSocket();
    const instance = await Instance.connect(url);
    const outcome = await instance.mirror.rewarm(async () => {
      const back = instance.untilReady();
      await server.kill();
      await server.restart();
      await back;
      return [entry('user:b', 7)];
    });
    expect(outcome).toBe(false);
    expect(await instance.mirror.read(['user:b'])).toEqual({ trusted: false });
    await instance.close();
    await close();
  });

  it('a replica that answers is not believed', async () => {
    const primary = await startTcpRedis();
    const replica = await startTcpRedis({ args: ['--replicaof', '127.0.0.1', `${primary.port}`] });
    const warm = await Instance.connect(primary.url);
    await warm.mirror.rewarm(none);
    const instance = await Instance.connect(replica.url);
    expect(instance.mirror.health().trusted).toBe(false);
    expect(instance.log.join()).toContain('this Redis is a replica');
    expect(await instance.mirror.read(['user:b'])).toEqual({ trusted: false });
    await Promise.all([warm.close(), instance.close()]);
    await Promise.all([primary.stop(), replica.stop()]);
  });

  it('a primary that was demoted and promoted again, missing what it never heard, is not believed', async () => {
    const { admin, url, close } = await onSocket();
    const other = await startTcpRedis();
    const instance = await Instance.connect(url);
    const { mirror } = instance;
    await mirror.rewarm(none);
    const marker = await admin.get('{gth:rev}:marker');
    const successor = new Redis(other.port, '127.0.0.1');
    await successor.set('{gth:rev}:marker', marker ?? '');
    await admin.replicaof('127.0.0.1', other.port);
    while (!(await admin.info('replication')).includes('master_link_status:up'))
      await new Promise((again) => setTimeout(again, 20));
    await admin.replicaof('NO', 'ONE');
    expect(await admin.get('{gth:rev}:marker')).toBe(marker);
    const fresh = await Instance.connect(url);
    expect(fresh.mirror.health()).toEqual({ trusted: false, reason: 'the mirror waits to be filled from Postgres' });
    expect(await fresh.mirror.read(['user:b'])).toEqual({ trusted: false });
    await fresh.close();
    successor.disconnect();
    await instance.close();
    await Promise.all([close(), other.stop()]);
  });
});

describe('D20, a cluster moves the slot', () => {
  it('the node that takes it over is not believed by the marker of the old one', async () => {
    const cluster = await startRedisCluster(2);
    const [target, source] = cluster.nodes.map((node) => new Redis(node.url));
    const instance = await Instance.connect(cluster.url);
    const { mirror } = instance;
    if (source === undefined || target === undefined) throw new Error('two nodes');
    await mirror.rewarm(async () => [entry('user:b', 7)]);
    const [sourceId, targetId] = [String(await source.cluster('MYID')), String(await target.cluster('MYID'))];
    await target.cluster('SETSLOT', MIRROR_SLOT, 'IMPORTING', sourceId);
    await source.cluster('SETSLOT', MIRROR_SLOT, 'MIGRATING', targetId);
    for (const key of (await source.cluster('GETKEYSINSLOT', MIRROR_SLOT, 100)) as string[])
      await source.migrate('127.0.0.1', target.options.port ?? 0, key, 0, 5_000);
    await target.cluster('SETSLOT', MIRROR_SLOT, 'NODE', targetId);
    await source.cluster('SETSLOT', MIRROR_SLOT, 'NODE', targetId);

    expect(await target.exists('{gth:rev}:marker')).toBe(1);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    await mirror.look();
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await mirror.rewarm(async () => [entry('user:b', 7)])).toBe(true);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: true, generations: [7] });
    source.disconnect();
    target.disconnect();
    await instance.close();
    await cluster.stop();
  });

  it('knows the slot of its keys', async () => {
    const cluster = await startRedisCluster(1);
    const admin = new Cluster([cluster.nodes[0]?.url ?? '']);
    expect(await admin.cluster('KEYSLOT', '{gth:rev}:marker')).toBe(MIRROR_SLOT);
    admin.disconnect();
    await cluster.stop();
  });
});
