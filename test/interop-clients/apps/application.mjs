/**
 * What the applications of this folder share: where they are told who they are, and a session of a browser. Each is a
 * program of its own, as its users would write it; the client library in it comes from npm as it is.
 */
import express from 'express';
import session from 'express-session';

/** What the suite registered it as. `privateKey` (PKCS #8) takes the place of the secret. */
export const self = {
  url: process.env.SELF_URL,
  issuer: process.env.ISSUER,
  clientId: process.env.CLIENT_ID,
  clientSecret: process.env.CLIENT_SECRET,
  privateKey: process.env.CLIENT_KEY,
  pushes: process.env.PUSHES === 'yes',
  binds: process.env.BINDS === 'yes',
  /** Chooses the person at the `test` provider. */
  person: process.env.PERSON,
};

/** Tells the suite what went wrong; a real application would not. */
function tell(error, _request, response, _next) {
  console.error(error);
  response.status(error.status ?? error.statusCode ?? 500).json({ error: String(error), cause: error.cause });
}

export function expressApplication() {
  const app = express();
  app.use(session({ secret: 'nobody-else-knows', name: 'application', resave: false, saveUninitialized: false }));
  return app;
}

export function listen(app) {
  app.use(tell);
  const { hostname, port } = new URL(self.url);
  app.listen(Number(port), hostname, () => console.log('listening'));
}
