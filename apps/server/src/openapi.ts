import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { loadConfig } from '@app/config';
import { apiComponents } from '@app/edge';
import { HttpMetrics } from '@app/operations';
import { ServerModule } from './server.module.js';

/** The OpenAPI 3.1 document of every route, from the same schemas that the handlers read with. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const frame = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Gatehouse')
    .setDescription('A login gateway: sign-ins of many providers become one kind of session.')
    .setVersion('0.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearerAuth')
    .addBasicAuth({ type: 'http', scheme: 'basic', description: 'client_id and client_secret' }, 'clientBasic')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'apiKey')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'Authorization', description: 'id:secret' }, 'serviceToken')
    .build();
  const document = SwaggerModule.createDocument(app, frame, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  const schemas = { ...document.components?.schemas, ...apiComponents() };
  return { ...document, components: { ...document.components, schemas } } as OpenAPIObject;
}

/**
 * The same document without a database or a store, for docs/openapi.json: Nest's preview mode knows the routes and
 * creates nothing that they stand on.
 */
export async function previewOpenApiDocument(): Promise<OpenAPIObject> {
  const config = loadConfig({}, () => '');
  const root = ServerModule.with(config, new HttpMetrics(), undefined);
  const app = await NestFactory.create(root, new FastifyAdapter(), { preview: true, logger: false });
  try {
    return openApiDocument(app);
  } finally {
    await app.close();
  }
}
