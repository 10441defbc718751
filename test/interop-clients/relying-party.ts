import { walk } from '../harness/application.js';
import { Browser } from '../harness/browser.js';

/** What the suite registered an application as. */
export interface Registration {
  readonly issuer: string;
  readonly clientId: string;
  /** A secret, or the PKCS #8 PEM of a key that signs RS256. */
  readonly proof: { readonly secret: string } | { readonly privateKey: string; readonly kid: string };
  /** Whether it pushes its requests (RFC 9126). */
  readonly pushes: boolean;
  /** Whether it has its tokens bound to a key of its own (RFC 9449). */
  readonly binds: boolean;
  /** Whom it names in `login_hint`. */
  readonly person: string;
}

/** Where an application of one kind listens, known before it starts. */
export interface Place {
  readonly url: string;
  readonly callback: string;
  /** Where it sends people after a logout. */
  readonly afterLogout: string;
  readonly backchannelLogout?: string;
}

export interface Person {
  readonly sub: string;
  readonly name?: string;
  readonly email?: string;
}

export interface HeldTokens {
  readonly access_token: string;
  readonly refresh_token?: string;
}

/** A program with somebody else's OpenID Connect client in it, as a person's browser meets it. */
export interface RelyingParty extends Place {
  /** Presses its sign-in button. Answers where the browser is sent. */
  begin(browser: Browser): Promise<URL>;
  /** Whom it takes the browser's owner for; undefined: for nobody. */
  person(browser: Browser): Promise<Person | undefined>;
  tokens(browser: Browser): Promise<HeldTokens>;
  userinfo(browser: Browser): Promise<Person>;
  /** Has it use its refresh token. Answers whether that went well. */
  refresh(browser: Browser): Promise<boolean>;
  /** Presses its sign-out button. Answers where the browser is sent. */
  logout(browser: Browser): Promise<URL>;
  log(): string;
  stop(): Promise<void>;
}

/** A kind of client that is tried. */
export interface ClientKind {
  place(port: number): Place;
  start(place: Place, registration: Registration): Promise<RelyingParty>;
}

export interface SignedIn {
  /** The authorization request. */
  readonly begin: URL;
  /** What Gatehouse answered, as the browser brought it. */
  readonly answer: URL;
  readonly asked: boolean;
}

/** A person signs in, as far as it goes. `tamper`: what somebody does to the answer on its way. */
export async function signIn(
  party: RelyingParty,
  browser: Browser,
  { decision = 'allow', tamper = (answer) => answer }: SignInWays = {},
): Promise<SignedIn> {
  const begin = await party.begin(browser);
  const { answer, asked } = await walk(browser, begin, party.callback, decision);
  await browser.request(tamper(answer));
  return { begin, answer, asked };
}

interface SignInWays {
  readonly decision?: 'allow' | 'deny';
  readonly tamper?: (answer: URL) => URL;
}

/** Where a page of theirs sends the browser. */
export async function redirectOf(response: Response): Promise<URL> {
  const location = response.headers.get('location');
  if (location !== null) return new URL(location, response.url);
  throw new Error(`${response.url} answered ${response.status} and no redirect:\n${await response.text()}`);
}
