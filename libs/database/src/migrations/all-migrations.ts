import { Foundation1700000000001 } from './1700000000001-foundation.js';
import { RefreshFamilies1700000000003 } from './1700000000003-refresh-families.js';
import { Saml1700000000002 } from './1700000000002-saml.js';

/** In the order in which they run. */
export const allMigrations = [Foundation1700000000001, Saml1700000000002, RefreshFamilies1700000000003];
