import { itWorksFor } from './client-flows.js';
import { npmClient } from './npm-client.js';

// Left to itself it sends people back to its `baseURL` as that is written: without a slash.
const client = npmClient('express-openid-connect', { afterLogout: '', backchannelLogout: '/backchannel-logout' });

describe('express-openid-connect', () => itWorksFor('express-openid-connect', client));
