/**
 * The floor of a SAML login: raw node:http around one parse and two canonicalisations by libxml2, one digest, one RSA
 * verification, one Redis SET and one commit in Postgres. It checks nothing else, and it blocks its event loop.
 */
import { createHash, verify, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { XmlC14NMode, XmlDocument } from 'libxml2-wasm';
import pg from 'pg';

const redis = new Redis(process.env.REDIS_SOCKET, { enableAutoPipelining: true });
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const key = new X509Certificate(Buffer.from(process.env.IDP_CERTIFICATE, 'base64')).publicKey;
await pool.query('CREATE TABLE IF NOT EXISTS bench_login (id text PRIMARY KEY, at timestamptz NOT NULL)');

const NAMESPACES = {
  saml: 'urn:oasis:names:tc:SAML:2.0:assertion',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
};

const EXCLUSIVE = { mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0 };

function verifiedId(samlResponse) {
  const document = XmlDocument.fromBuffer(Buffer.from(samlResponse, 'base64'));
  try {
    const assertion = document.get('//saml:Assertion', NAMESPACES);
    const signature = assertion.get('ds:Signature', NAMESPACES);
    const info = signature.get('ds:SignedInfo', NAMESPACES).canonicalizeToString(EXCLUSIVE);
    const value = Buffer.from(signature.get('ds:SignatureValue', NAMESPACES).content, 'base64');
    const digest = signature.get('.//ds:DigestValue', NAMESPACES).content;
    signature.remove();
    const bytes = assertion.canonicalizeToString(EXCLUSIVE);
    if (createHash('sha256').update(bytes).digest('base64') !== digest) throw new Error('digest');
    if (!verify('sha256', Buffer.from(info), key, value)) throw new Error('signature');
    return assertion.attr('ID').value;
  } finally {
    document.dispose();
  }
}

createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    if (request.url === '/raw') return response.end('{}');
    const id = verifiedId(new URLSearchParams(Buffer.concat(chunks).toString()).get('SAMLResponse'));
    await redis.set(`bench:${id}`, '1', 'PX', 60_000, 'NX');
    await pool.query({ name: 'login', text: 'INSERT INTO bench_login (id, at) VALUES ($1, now())', values: [id] });
    response.writeHead(303, { location: `https://client.example/?id=${id}`, 'content-length': 0 });
    response.end();
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
