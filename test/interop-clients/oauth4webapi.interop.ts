import { itWorksFor } from './client-flows.js';
import { npmClient } from './npm-client.js';

describe('oauth4webapi', () => itWorksFor('oauth4webapi', npmClient('oauth4webapi')));
