import passport from 'passport';
import { Strategy } from 'passport-openidconnect';
import { expressApplication, listen, self } from './application.mjs';

const strategy = new Strategy(
  {
    issuer: self.issuer,
    authorizationURL: `${self.issuer}/oauth2/authorize`,
    tokenURL: `${self.issuer}/oauth2/token`,
    userInfoURL: `${self.issuer}/oauth2/userinfo`,
    clientID: self.clientId,
    clientSecret: self.clientSecret,
    callbackURL: '/callback',
    // Its own `openid` comes before these, so the scope is `openid openid profile email`, as in many an example.
    scope: ['openid', 'profile', 'email'],
    nonce: true,
    maxAge: 3600,
    loginHint: self.person,
  },
  // Nine parameters make it ask UserInfo.
  (_issuer, userInfo, idToken, _context, _jwt, accessToken, refreshToken, _parameters, done) =>
    done(null, { idToken, userInfo, tokens: { access_token: accessToken, refresh_token: refreshToken } }),
);
passport.use(strategy);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));
const app = expressApplication();
app.use(passport.session());

app.get('/login', passport.authenticate('openidconnect'));
app.get('/callback', passport.authenticate('openidconnect'), (_request, response) => response.redirect('/me'));

const claimsOf = ({ id, displayName, emails }) => ({ sub: id, name: displayName, email: emails?.[0]?.value });

app.get('/me', (request, response) => {
  if (request.user === undefined) return response.status(401).end();
  response.json(claimsOf(request.user.idToken));
});

app.get('/tokens', (request, response) => response.json(request.user.tokens));
app.get('/userinfo', (request, response) => response.json(claimsOf(request.user.userInfo)));

listen(app);
