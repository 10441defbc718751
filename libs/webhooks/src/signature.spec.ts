import { createHmac } from 'node:crypto';
import { Secret } from '@app/config';
import fc from 'fast-check';
import { signedHeaders, verifyWebhook, WebhookRefused } from './signature.js';
import { aSecret, written } from './webhooks.spec-support.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const BODY = '{"type":"connection.recovered","data":{}}';
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

describe('the signature of vault events', () => {
  it('is HMAC-SHA256 over id, time and body, as base64 under v1', () => {
    const secret = new Secret(Buffer.alloc(32, 7));
    const mac = createHmac('sha256', Buffer.alloc(32, 7)).update(`msg_1.1767225600.${BODY}`).digest('base64');
    expect(signedHeaders([secret], 'msg_1', NOW, BODY)).toEqual({
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1767225600',
      'webhook-signature': `v1,${mac}`,
    });
  });

  it('holds for every body, and for no other', () => {
    fc.assert(
      fc.property(fc.json(), fc.string({ minLength: 1 }), (body, extra) => {
        const secret = aSecret();
        const headers = signedHeaders([secret], 'id', NOW, body);
        verifyWebhook(headers, body, [written(secret)], NOW);
        expect(() => verifyWebhook(headers, body + extra, [written(secret)], NOW)).toThrow(WebhookRefused);
      }),
    );
  });

  it('is accepted by any secret of a receiver that changes over, and by none that is not his', () => {
    const [before, after, stranger] = [aSecret(), aSecret(), aSecret()];
    const headers = signedHeaders([after, before], 'id', NOW, BODY);
    for (const secret of [before, after]) {
      expect(verifyWebhook(headers, BODY, [written(stranger), written(secret)], NOW).type).toBe('connection.recovered');
    }
    expect(() => verifyWebhook(headers, BODY, [written(stranger)], NOW)).toThrow('no signature');
    expect(() => verifyWebhook(headers, BODY, [], NOW)).toThrow('no signature');
  });

  it('is of its moment', () => {
    const secret = aSecret();
    const headers = signedHeaders([secret], 'id', NOW, BODY);
    for (const seconds of [-300, 300]) verifyWebhook(headers, BODY, [written(secret)], later(seconds));
    for (const seconds of [-301, 301]) {
      expect(() => verifyWebhook(headers, BODY, [written(secret)], later(seconds))).toThrow('not of this moment');
    }
  });

  it.each([
    ['webhook-id', undefined],
    ['webhook-id', 'another'],
    ['webhook-timestamp', undefined],
    ['webhook-timestamp', '1767225601'],
    ['webhook-timestamp', 'today'],
    ['webhook-signature', undefined],
    ['webhook-signature', ''],
    ['webhook-signature', 'v1,'],
    ['webhook-signature', 'v1a,AAAA'],
    ['webhook-signature', ['v1,x', 'v1,y']],
  ])('does not hold with %s %p', (name, value) => {
    const secret = aSecret();
    const headers = { ...signedHeaders([secret], 'id', NOW, BODY), [name]: value };
    expect(() => verifyWebhook(headers, BODY, [written(secret)], NOW)).toThrow(WebhookRefused);
  });
});
