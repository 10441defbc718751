/** The upstream of all contenders: `npm run fake-upstream` in a process of its own, single-use rotation, with a ledger. */
import { fork } from 'node:child_process';

const GRANTS_AT_ONCE = 5000;

/** New grants of it, some thousand at once. @returns {AsyncGenerator<{ family: string, access_token: string, refresh_token: string }[]>} */
export async function* grants(issuer, count) {
  for (let left = count; left > 0; left -= GRANTS_AT_ONCE) {
    const text = await control(issuer, 'POST', 'issue', { count: Math.min(left, GRANTS_AT_ONCE) });
    yield text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}

async function control(issuer, method, command, body) {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const answer = await fetch(`${issuer}/__control/${command}`, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the fake upstream refused ${command}: ${text}`);
  return text;
}

export class Upstream {
  #child;

  constructor(child, url) {
    this.#child = child;
    this.url = url;
    this.pid = child.pid;
  }

  /** Its tokens live an hour, so nothing falls due by itself during a run. */
  static async start() {
    const child = fork(
      'scripts/fake-upstream.mjs',
      ['--port', '0', '--rotation', 'single_use', '--ledger-depth', '1'],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    );
    const { url } = await new Promise((resolve, reject) => child.once('message', resolve).once('exit', reject));
    return new Upstream(child, url);
  }

  /** Milliseconds that a token request takes from now on. */
  async latency(milliseconds) {
    await control(this.url, 'POST', 'settings', { latency_ms: milliseconds });
  }

  async stats() {
    return JSON.parse(await control(this.url, 'GET', 'stats'));
  }

  /** One family's line of the ledger, with its tokens in force. */
  async family(id) {
    return JSON.parse(await control(this.url, 'GET', `ledger?family=${id}`));
  }

  /**
   * Sees that since `before` exactly so many grants were made, one for each generation, none lost on the way.
   * @throws Error for a ledger that is not clean
   */
  async audit(before, expected) {
    const after = await this.stats();
    const since = (name) => after.refresh[name] - before.refresh[name];
    const bad = ['refused', 'replayed', 'duplicate_grants', 'overlaps', 'undelivered'].filter(
      (name) => since(name) !== 0,
    );
    const revoked = Object.values(after.families_revoked).some((count) => count > 0);
    if (since('granted') !== expected || bad.length > 0 || revoked)
      throw new Error(`${since('granted')} grants instead of ${expected}: ${JSON.stringify(after)}`);
  }

  async stop() {
    await new Promise((resolve) => this.#child.once('exit', resolve) && this.#child.kill('SIGTERM'));
  }
}
