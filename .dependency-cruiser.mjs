/**
 * Who may import whom: one line a library, the sign on each room's door. Run by `npm run boundaries`.
 * docs/decisions/0005-import-rules.md says why.
 */
const mayImport = {
  oauth2: [],
  config: [],
  database: ['config'],
  'transient-store': ['config'],
  edge: ['oauth2', 'config', 'transient-store'],
  audit: ['database'],
  keys: ['config', 'database', 'transient-store'],
  revocation: ['config', 'database', 'transient-store'],
  directory: ['oauth2', 'config', 'database', 'transient-store', 'audit', 'edge', 'revocation'],
  'oauth-providers': ['oauth2', 'config'],
  clients: ['oauth2', 'config', 'database', 'transient-store', 'audit', 'edge', 'revocation', 'directory'],
  tokens: [
    'oauth2',
    'config',
    'database',
    'transient-store',
    'audit',
    'keys',
    'edge',
    'revocation',
    'directory',
    'clients',
  ],
  'sign-in': [
    'oauth2',
    'config',
    'database',
    'transient-store',
    'audit',
    'edge',
    'revocation',
    'directory',
    'clients',
    'oauth-providers',
    'tokens',
  ],
};

const esc = (s) => s.replace(/[-]/g, '\\-');
const libRules = Object.entries(mayImport).map(([lib, allowed]) => ({
  name: `${lib}-may-import`,
  severity: 'error',
  comment: `libs/${lib} may import only: ${allowed.join(', ') || 'nothing'}`,
  from: { path: `^libs/${esc(lib)}/` },
  to: { path: '^libs/', pathNot: `^libs/(${[lib, ...allowed].map(esc).join('|')})/` },
}));

export default {
  forbidden: [
    ...libRules,
    {
      name: 'every-library-has-a-sign',
      severity: 'error',
      comment: 'a new library must be added to the table above',
      from: {},
      to: { path: '^libs/', pathNot: `^libs/(${Object.keys(mayImport).map(esc).join('|')})/` },
    },
    {
      name: 'only-through-the-door',
      severity: 'error',
      comment: 'another library is imported only by its index.ts',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: { path: '^libs/[^/]+/src/(?!index\\.ts$)', pathNot: '^libs/$2/' },
    },
    {
      name: 'no-self-barrel',
      severity: 'error',
      comment: 'inside a library use relative imports, never its own index',
      from: { path: '^libs/([^/]+)/src/(?!index\\.ts$)' },
      to: { path: '^libs/$1/src/index\\.ts$' },
    },
    {
      name: 'libs-never-import-apps',
      severity: 'error',
      comment: 'specs may use the test harness',
      from: { path: '^libs/', pathNot: '\\.spec(-support)?\\.ts$' },
      to: { path: '^(apps|test)/' },
    },
    {
      name: 'vocabulary-is-pure',
      severity: 'error',
      from: { path: '^libs/oauth2/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'one-wrapper-openid-client',
      severity: 'error',
      comment: 'openid-client and undici are spoken only in oauth-providers',
      from: { path: '^(libs|apps)/', pathNot: '^libs/oauth\\-providers/|\\.spec\\.ts$' },
      to: { path: 'node_modules/(openid-client|undici)/' },
    },
    {
      name: 'one-wrapper-ioredis',
      severity: 'error',
      comment: 'ioredis is spoken only in transient-store',
      from: { path: '^(libs|apps)/', pathNot: '^libs/transient\\-store/|\\.spec\\.ts$' },
      to: { path: 'node_modules/ioredis/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-junk-drawer',
      severity: 'error',
      from: {},
      to: { path: '^(libs|apps)/.*/(utils?|helpers?|common|shared|misc)(/|\\.ts$)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
