import { describeWith } from '../interop-idps/packages.js';
import { itWorksFor } from './client-flows.js';
import { modAuthOpenidc } from './mod-auth-openidc.js';

const suite = describeWith('apache2-bin', 'libapache2-mod-auth-openidc');

suite('mod_auth_openidc 2.4', () => itWorksFor('mod_auth_openidc', modAuthOpenidc));
