import { Applications1700000000009 } from './1700000000009-applications.js';
import { DataKeyOwner1700000000008 } from './1700000000008-data-key-owner.js';
import { Dpop1700000000011 } from './1700000000011-dpop.js';
import { Foundation1700000000001 } from './1700000000001-foundation.js';
import { LogoutCheck1700000000006 } from './1700000000006-logout-check.js';
import { LogoutNotices1700000000010 } from './1700000000010-logout-notices.js';
import { Organizations1700000000004 } from './1700000000004-organizations.js';
import { RefreshFamilies1700000000003 } from './1700000000003-refresh-families.js';
import { Saml1700000000002 } from './1700000000002-saml.js';
import { Vault1700000000005 } from './1700000000005-vault.js';
import { Webhooks1700000000007 } from './1700000000007-webhooks.js';

/** In the order in which they run. */
export const allMigrations = [
  Foundation1700000000001,
  Saml1700000000002,
  RefreshFamilies1700000000003,
  Organizations1700000000004,
  Vault1700000000005,
  LogoutCheck1700000000006,
  Webhooks1700000000007,
  DataKeyOwner1700000000008,
  Applications1700000000009,
  LogoutNotices1700000000010,
  Dpop1700000000011,
];
