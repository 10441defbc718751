import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { GatehouseConfig } from '@app/config';
import { openApiDocument } from './openapi.js';

/** Swagger UI writes style attributes and draws its icons from data URLs; scripts come from our own files only. */
const DOCS_CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves /openapi.json and the page that reads it, /docs. The document is made when it is first asked for. */
export function serveApiDocumentation(app: NestFastifyApplication, config: GatehouseConfig): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      if (request.url.startsWith('/docs')) void reply.header('Content-Security-Policy', DOCS_CONTENT_SECURITY_POLICY);
      done();
    });
  let document: OpenAPIObject | undefined;
  const once = () => (document ??= { ...openApiDocument(app), servers: [{ url: config.publicUrl }] });
  SwaggerModule.setup('docs', app, once, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Gatehouse API',
  });
}
