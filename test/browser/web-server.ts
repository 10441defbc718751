import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A site that is not ours: an application, or whoever means no good. Its host is 127.0.0.1 and ours is localhost, so that
 * to a browser they are two sites.
 */
export class WebServer {
  private readonly pages = new Map<string, string>();
  private closed: string | undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<WebServer> {
    const server = createServer((request, response) => site.answer(request, response));
    const site = new WebServer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Puts HTML at a path; answers its address. */
  serve(path: string, body: string): string {
    this.pages.set(path, body);
    return this.url + path;
  }

  /** From now on this path answers 204, upon which a browser stays on the page that leads there. */
  turnAway(path: string): void {
    this.closed = path;
  }

  /** Every path is a page again. */
  welcome(): void {
    this.closed = undefined;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const [path = ''] = (request.url ?? '').split('?');
    if (path === this.closed) return void response.writeHead(204).end();
    const body = this.pages.get(path) ?? '<h1>Arrived</h1>';
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><html lang="en"><title>Another site</title>${body}`);
  }
}
