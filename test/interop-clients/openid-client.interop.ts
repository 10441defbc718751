import { itWorksFor } from './client-flows.js';
import { npmClient } from './npm-client.js';

describe('openid-client', () => itWorksFor('openid-client', npmClient('openid-client')));
