import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedLogout {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
  /** The logout token, unverified. */
  readonly token: string;
}

/** The back-channel logout addresses of applications, over real HTTP: any path is one. */
export class LogoutReceiver {
  readonly received: ReceivedLogout[] = [];
  /** Default 200. */
  answer: (received: ReceivedLogout, response: ServerResponse) => void = (_received, response) =>
    void response.writeHead(200).end();
  private readonly waiting: (() => void)[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<LogoutReceiver> {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const form = new URLSearchParams(body);
        const { method = '', url: path = '', headers } = request;
        const one = { method, path, headers, form, token: form.get('logout_token') ?? '' };
        receiver.received.push(one);
        for (const wake of receiver.waiting.splice(0)) wake();
        receiver.answer(one, response);
      });
    });
    const receiver = new LogoutReceiver(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  answers(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.answer = (_received, response) => void response.writeHead(status, headers).end('a word of theirs');
  }

  /** Those that came to one path. */
  at(path: string): ReceivedLogout[] {
    return this.received.filter((one) => one.path === path);
  }

  /** Resolves once so many have come to this path. */
  async until(path: string, count: number): Promise<ReceivedLogout[]> {
    while (this.at(path).length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.at(path);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
