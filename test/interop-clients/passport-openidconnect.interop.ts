import { itWorksFor } from './client-flows.js';
import { npmClient } from './npm-client.js';

describe('passport-openidconnect', () => itWorksFor('passport-openidconnect', npmClient('passport-openidconnect')));
