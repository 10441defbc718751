import { ConfigModule } from '@app/config';
import { Test } from '@nestjs/testing';
import { configurationOf, hub } from '../test/token-server.js';
import { UpstreamTokenEndpoints } from './upstream-token-endpoints.js';
import { UpstreamTokensModule } from './upstream-tokens.module.js';

it('gives the endpoints to whoever imports the module', async () => {
  const config = configurationOf([hub('https://hub.example')]);
  const imports = [ConfigModule.forConfig(config), UpstreamTokensModule];
  const module = await Test.createTestingModule({ imports }).compile();
  expect(module.get(UpstreamTokenEndpoints).describe('hub')).toMatchObject({ reuse: 'single_use' });
  await module.close();
});
