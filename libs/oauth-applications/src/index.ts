/**
 * oauth-applications: keeping the applications of an organization, and what people gave them, in the words of two APIs.
 *
 * Owns: registering, changing, disabling and deleting applications over HTTP; PlanetScale's endpoint that creates and
 * renews OAuth tokens, with its siblings, in both shapes (D1, D29).
 * Does not own: the rules of an application and who it is (clients), issuing and ending tokens (tokens), who may call
 * (organizations), asking people (sign-in).
 * Routes: /api/v1/organizations/{organization}/applications… · /v1/organizations/{organization}/oauth-applications…, the
 * same without /v1, and under /compat/planetscale-go/v1.
 */
export { OAuthApplicationsModule } from './oauth-applications.module.js';
