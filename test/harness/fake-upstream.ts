import { fork } from 'node:child_process';
import { Socket } from 'node:net';
import path from 'node:path';

const SCRIPT = path.resolve('scripts/fake-upstream.mjs');

/** As on the command line; what each means is in docs/fake-upstream.md. */
export interface FakeUpstreamSettings {
  readonly access_ttl?: number;
  readonly refresh_ttl?: number;
  readonly rotation?: 'single_use' | 'grace' | 'reusable';
  readonly grace_seconds?: number;
  readonly family_revocation?: boolean;
  readonly old_access_tokens?: 'valid' | 'revoked';
  readonly access_format?: 'opaque' | 'jwt';
  readonly latency_ms?: number;
  readonly rate_per_second?: number;
  readonly client_auth?: 'any' | 'basic' | 'post' | 'none';
  readonly body_format?: 'any' | 'form' | 'json';
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly public_client_id?: string;
  readonly clock_offset_ms?: number;
  readonly ledger_depth?: number;
}

/** The first fault of a request wins, a family's own before those for all; delays add up. */
export interface FaultRule {
  /** A name of docs/fake-upstream.md; without one the rule only delays. */
  readonly fault?: string;
  /** Kind of request: `refresh` (default), `code`, `authorize`, `revoke`, `introspect`, `userinfo`, `jwks`, `discovery`, `any`. */
  readonly on?: string;
  readonly family?: string;
  readonly skip?: number;
  /** How many requests; default all. */
  readonly times?: number;
  readonly probability?: number;
  readonly latency_before_ms?: number;
  readonly latency_after_ms?: number;
  /** true: the refresh token is used up, and the lie comes afterwards; false: before. Default: the fault's own. */
  readonly processed?: boolean;
  readonly seconds?: number;
  readonly bytes?: number;
  readonly interval_ms?: number;
  readonly location?: string;
  readonly error?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A token set as the upstream handed it to somebody, and the family that it belongs to. */
export interface IssuedTokenSet {
  readonly family: string;
  readonly subject: string;
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly refresh_token_expires_in?: number;
  readonly scope: string;
}

export interface FakeUpstreamStats {
  readonly families: number;
  readonly refresh: {
    readonly requests: number;
    readonly granted: number;
    /** Grants whose answer left whole; `undelivered` are those that were made and never learned of. */
    readonly delivered: number;
    readonly undelivered: number;
    readonly refused: number;
    /** Refresh tokens that came again after they had been used. */
    readonly replayed: number;
    /** Grants beyond the first for one generation (only a grace window makes them). */
    readonly duplicate_grants: number;
    /** Requests that came while another one of the same family was being answered. */
    readonly overlaps: number;
  };
  /** By reason: `reuse`, `revoked` (RFC 7009), `code_reuse`, `control`. */
  readonly families_revoked: Readonly<Record<string, number>>;
  readonly requests: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly redirects_followed: number;
  readonly in_flight: number;
  readonly max_in_flight: number;
  readonly busiest_second: number;
}

export interface LedgerLine {
  readonly family: string;
  readonly subject: string;
  readonly client_id: string;
  /** `active`, or why it is over. */
  readonly status: string;
  /** Of the refresh token that is good now; 0 is the first. */
  readonly generation: number;
  /** Number of token sets so far, and of the newest one whose answer left whole. */
  readonly serial: number;
  readonly delivered: number;
  /** Milliseconds since 1970. */
  readonly issued_at: number;
  readonly expires_at: number;
  readonly presented: number;
  readonly granted: number;
  readonly refused: number;
  readonly replayed: number;
  readonly duplicate_grants: number;
  readonly overlaps: number;
}

export interface FamilyLedger extends LedgerLine {
  /** The token set that is good now, delivered or not. */
  readonly current: Omit<IssuedTokenSet, 'family' | 'subject'>;
  /** The last `ledger_depth` generations: how often each was presented, and what was answered how often. */
  readonly generations: readonly {
    readonly generation: number;
    readonly presented: number;
    readonly granted: number;
    readonly first_at: number;
    readonly last_at: number;
    readonly answers: Readonly<Record<string, number>>;
  }[];
}

/** One provider of the process: the one at `/`, or one of `realm(name)` with settings, faults and ledger of its own. */
export interface FakeProvider {
  /** The issuer; the endpoints are `{issuer}/token`, `/authorize`, `/revoke`, `/introspect`, `/userinfo`. */
  readonly issuer: string;
  /** New grants; `access_ttl`, `scope`, `client_id` and `subject` other than usual if given. */
  issue(
    count?: number,
    how?: { access_ttl?: number; scope?: string; client_id?: string; subject?: string },
  ): Promise<IssuedTokenSet[]>;
  plan(faults: FaultRule | readonly FaultRule[]): Promise<void>;
  clearFaults(): Promise<void>;
  set(settings: FakeUpstreamSettings): Promise<void>;
  stats(): Promise<FakeUpstreamStats>;
  grants(family: string): Promise<FamilyLedger>;
  /** Every family; `troubled`: those revoked, refused, replayed or asked for twice at once. */
  ledger(which?: 'all' | 'troubled'): Promise<LedgerLine[]>;
  /** Ends a grant as its user would at the provider. */
  revoke(family: string): Promise<void>;
  /** Forgets grants, faults, settings and counters of this provider. */
  reset(): Promise<void>;
}

export interface FakeUpstream extends FakeProvider {
  readonly url: string;
  readonly pid: number;
  /** `[a-z0-9-]{1,40}`. */
  realm(name: string): FakeProvider;
  /** Refuses connections from now on, and breaks those that are open; nothing is forgotten. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export interface FakeUpstreamOptions extends FakeUpstreamSettings {
  /** The same one brings the same tokens and the same dice. */
  readonly seed?: string;
  /** Default: any free one. */
  readonly port?: number;
}

/** Starts `npm run fake-upstream` as a process of its own; it ends with the process that started it. */
export async function startFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const args = Object.entries({ port: 0, ...options }).map(
    ([name, value]) => `--${name.replaceAll('_', '-')}=${value}`,
  );
  const child = fork(SCRIPT, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4000)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const said = <T>() =>
    new Promise<T>((resolve, reject) => {
      const gone = () => reject(new Error(`the fake upstream ended:\n${complaints}`));
      child.once('exit', gone);
      child.once('message', (message) => {
        child.off('exit', gone);
        resolve(message as T);
      });
    });
  const { url } = await said<{ url: string }>();
  // A test that failed before its clean-up must not keep its process from ending; then the channel breaks, and the child
  // ends by itself.
  child.unref();
  child.channel?.unref();
  if (child.stderr instanceof Socket) child.stderr.unref();
  const wish = async (what: 'close' | 'reopen') => {
    child.channel?.ref();
    child.send(what);
    await said();
    child.channel?.unref();
  };
  return {
    ...provider(url),
    url,
    pid: child.pid ?? 0,
    realm: (name) => provider(`${url}/realms/${name}`),
    goDown: () => wish('close'),
    comeBack: () => wish('reopen'),
    close: async () => {
      child.ref();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

function provider(issuer: string): FakeProvider {
  const call = async (method: string, command: string, body?: unknown): Promise<string> => {
    const answer = await fetch(`${issuer}/__control/${command}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the fake upstream refused ${command}: ${text}`);
    return text;
  };
  const one = async <T>(method: string, command: string, body?: unknown) =>
    JSON.parse(await call(method, command, body)) as T;
  const lines = async <T>(method: string, command: string, body?: unknown) => {
    const text = await call(method, command, body);
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]));
  };
  return {
    issuer,
    issue: (count = 1, how = {}) => lines('POST', 'issue', { count, ...how }),
    plan: async (faults) => void (await call('POST', 'faults', faults)),
    clearFaults: async () => void (await call('DELETE', 'faults')),
    set: async (settings) => void (await call('POST', 'settings', settings)),
    stats: () => one('GET', 'stats'),
    grants: (family) => one('GET', `ledger?family=${family}`),
    ledger: (which = 'all') => lines('GET', which === 'all' ? 'ledger' : 'ledger?troubled'),
    revoke: async (family) => void (await call('POST', 'revoke', { family })),
    reset: async () => void (await call('POST', 'reset')),
  };
}
