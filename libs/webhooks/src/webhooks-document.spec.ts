import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadConfig } from '@app/config';
import { signedHeaders } from './signature.js';
import { anEndpoint, anEvent, aSecret, Deployment, Receiver, written } from './webhooks.spec-support.js';

const text = readFileSync('docs/webhooks.md', 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp('```' + language + '\\n(.*?)```', 'gs'))].map(([, block = '']) => block);

/** What the receiver of the document says about a request, run by Node itself. */
function judge(headers: object, body: string, secret: string): string {
  const call = `
    const [headers, body, secret] = JSON.parse(process.argv[1]);
    try { console.log(verify(headers, body, secret).type); } catch (error) { console.log(error.message); }`;
  const code = (blocks('js')[0] ?? '') + call;
  const argument = JSON.stringify([headers, body, secret]);
  return execFileSync(process.execPath, ['--input-type=module', '-e', code, argument], { encoding: 'utf8' }).trim();
}

describe('docs/webhooks.md', () => {
  it('has a receiver that believes what we sign, and nothing else', () => {
    const [mine, other] = [aSecret(), aSecret()];
    const body = '{"type":"connection.recovered"}';
    const headers = signedHeaders([other, mine], 'id', new Date(), body);
    expect(judge(headers, body, written(mine))).toBe('connection.recovered');
    expect(judge(headers, `${body} `, written(mine))).toBe('forged');
    expect(judge(headers, body, written(aSecret()))).toBe('forged');
    expect(judge({}, body, written(mine))).toBe('not of this moment');
    const old = signedHeaders([mine], 'id', new Date(Date.now() - 301_000), body);
    expect(judge(old, body, written(mine))).toBe('not of this moment');
  });

  it('has a configuration that loads', () => {
    const env = { GATEHOUSE_CONFIG: 'gatehouse.yaml', APP_WEBHOOK_SECRET: written(aSecret()) };
    expect(loadConfig(env, () => blocks('yaml')[0] ?? '').webhooks.map(({ id }) => id)).toEqual(['app']);
  });

  it('shows every event as it is sent', async () => {
    const [deployment, receiver] = await Promise.all([Deployment.open(), Receiver.start()]);
    try {
      const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
      const data = [
        { reason: 'revoked', error: 'invalid_grant' },
        { error: 'http_503' },
        {},
        { days: 3, refresh_expires_at: '2026-03-04T12:00:00.000Z' },
      ];
      const kinds = anEndpoint('https://a.example').events;
      await record(...kinds.map((kind, index) => anEvent({ kind, data: data[index] ?? {} })));
      await delivery.tick();
      const printed = receiver.received.map(({ body }) => JSON.stringify(JSON.parse(body), null, 2));
      const withoutIds = (json: string) => json.replace(/"(id|timestamp)": "[^"]*"/g, '"$1": ""').trim();
      expect(blocks('json').map(withoutIds)).toEqual(printed.map(withoutIds));
    } finally {
      await receiver.stop();
      await deployment.close();
    }
  });

  it('has a statement that sends an event again', async () => {
    const [deployment, receiver] = await Promise.all([Deployment.open(), Receiver.start()]);
    try {
      const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
      receiver.answers(400);
      await record(anEvent());
      await delivery.tick();
      receiver.answers(204);
      const [row] = await deployment.rows();
      await deployment.client.query((blocks('sql')[0] ?? '').replace('…', row?.event_id ?? ''));
      await delivery.tick();
      expect(await deployment.rows()).toMatchObject([{ delivered: true, attempts: 2 }]);
    } finally {
      await receiver.stop();
      await deployment.close();
    }
  });
});
