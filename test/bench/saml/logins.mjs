/** Logins that were begun and whose response is signed already: what remains is what the bench measures. */
import { inflateRawSync } from 'node:zlib';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const USERS = 200;

function requestIn(location) {
  const url = new URL(location);
  const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest'), 'base64')).toString();
  return { id: /\sID="([^"]+)"/.exec(xml)[1], relayState: url.searchParams.get('RelayState') };
}

function posted(idp, { id, relayState }, { acsUrl, audience }, n) {
  const value = idp.response({ acsUrl, audience, inResponseTo: id, user: `user-${n % USERS}`, now: new Date() });
  return new URLSearchParams({ SAMLResponse: value, RelayState: relayState }).toString();
}

/** `count` logins at Gatehouse, of one browser, that end with a code for the front page's client. */
export async function beginAtGatehouse({ url, publicUrl }, idp, count) {
  const query = new URLSearchParams({
    client_callback: `${publicUrl}/`,
    response_type: 'code',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    state: 'state',
  });
  const place = { acsUrl: `${publicUrl}/saml/acs`, audience: `${publicUrl}/saml/bench/metadata` };
  let cookie;
  const logins = [];
  for (let n = 0; n < count; n++) {
    const answer = await fetch(`${url}/saml/bench/login?${query}`, {
      redirect: 'manual',
      headers: cookie === undefined ? {} : { cookie },
    });
    await answer.arrayBuffer();
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`/saml/bench/login answered ${answer.status}`);
    cookie ??= answer.headers.getSetCookie()[0]?.split(';')[0];
    logins.push({ path: '/saml/acs', headers: FORM, body: posted(idp, requestIn(location), place, n), cookie });
  }
  return logins;
}

/** The same at the peer. */
export async function beginAtPeer({ url }, idp, count) {
  const place = { acsUrl: `${url}/acs`, audience: 'https://saml.bench.example' };
  const logins = [];
  for (let n = 0; n < count; n++) {
    const answer = await fetch(`${url}/authorize`);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the peer answered ${text}`);
    const request = requestIn(JSON.parse(text).redirect_url);
    logins.push({ path: '/acs', headers: FORM, body: posted(idp, request, place, n) });
  }
  return logins;
}

/** For the floor, which looks at nothing but the signature. */
export function signForFloor(idp, count) {
  const place = { acsUrl: 'https://floor.example/acs', audience: 'https://floor.example' };
  return Array.from({ length: count }, (_, n) => ({
    path: '/acs',
    headers: FORM,
    body: posted(idp, { id: `_${n}`, relayState: 'state' }, place, n),
  }));
}
