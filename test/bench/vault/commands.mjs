/** How a process of this bench is told what to do: `POST /name` with JSON, answered with JSON when it is done. */
import { createServer } from 'node:http';
import { request } from 'undici';

/**
 * Listens on PORT; `GET /raw` answers as soon as that works, other paths may be given too.
 * @param {Record<string, (wish: any) => unknown>} commands
 * @param {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} [other]
 *   takes what is no POST
 */
export function serveCommands(commands, other = (_, response) => response.end('{}')) {
  createServer((asked, response) => {
    if (asked.method !== 'POST') return other(asked, response);
    const chunks = [];
    asked.on('data', (chunk) => chunks.push(chunk));
    asked.on('end', async () => {
      try {
        const wish = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
        response.end(JSON.stringify((await commands[asked.url.slice(1)](wish)) ?? {}));
      } catch (error) {
        response.statusCode = 500;
        response.end(String(error?.stack ?? error));
      }
    });
  }).listen(Number(process.env.PORT), '127.0.0.1');
}

/** Tells such a process to do something. Takes as long as it takes: fetch would give up after five minutes. */
export async function tell({ url }, name, wish = {}) {
  const answer = await request(`${url}/${name}`, {
    method: 'POST',
    body: JSON.stringify(wish),
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`${name}: ${text}`);
  return JSON.parse(text);
}
