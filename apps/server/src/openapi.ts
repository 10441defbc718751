import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { apiComponents } from '@app/edge';

/** The OpenAPI 3.1 document of every route, from the same schemas that the handlers read with. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const frame = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Gatehouse')
    .setDescription('A login gateway: sign-ins of many providers become one kind of session.')
    .setVersion('0.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearerAuth')
    .addBasicAuth({ type: 'http', scheme: 'basic', description: 'client_id and client_secret' }, 'clientBasic')
    .build();
  const document = SwaggerModule.createDocument(app, frame, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  const schemas = { ...document.components?.schemas, ...apiComponents() };
  return { ...document, components: { ...document.components, schemas } } as OpenAPIObject;
}
