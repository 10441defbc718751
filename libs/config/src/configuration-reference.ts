import { z } from 'zod';
import { applicationSchema } from './application.schema.js';
import { environmentNameOf } from './environment.js';
import { memberSchema, organizationSchema } from './organization.schema.js';
import { providerSchema } from './provider.schema.js';
import { samlProviderSchema } from './saml-provider.schema.js';
import { innerSchema } from './schema-shape.js';
import { settingDocs } from './setting-docs.js';
import { kinds } from './setting-kinds.js';
import { yamlKey, type SettingPath } from './setting-key.js';
import { settingsSchema } from './settings.schema.js';
import { webhookSchema } from './webhooks.schema.js';

type Schema = z.core.$ZodType;

/** A file that uses the settings one meets first; a test loads it. */
const example = `client_callbacks:
  - https://app.example.com/auth/callback
  - { client_id: dashboard, url: https://dashboard.example.com/callback }
admins: [acme:alice@example.com]
organizations:
  - name: payments
    members: [{ user: acme:bob@example.com, role: owner }]
applications:
  - client_id: grafana
    client_secret: \${GRAFANA_CLIENT_SECRET}
    name: Grafana
    redirect_uris: [https://grafana.example.com/login/generic_oauth]
oauth_providers:
  - id: acme
    name: Acme
    type: oidc
    issuer: https://id.acme.example
    client_id: gatehouse
    client_secret: \${ACME_CLIENT_SECRET}
    scopes: [openid, profile, email, offline_access]
    groups_claim: groups
  - id: github
    name: GitHub
    type: oauth2
    authorization_url: https://github.com/login/oauth/authorize
    token_url: https://github.com/login/oauth/access_token
    userinfo_url: https://api.github.com/user
    emails_url: https://api.github.com/user/emails
    client_id: gatehouse
    client_secret: \${GITHUB_CLIENT_SECRET}
    scopes: [read:user, user:email]
    subject_field: id
saml_providers:
  - id: okta
    name: Okta
    metadata_url: https://example.okta.com/app/abc/sso/saml/metadata
    attributes: { email: [email, mail], groups: groups }
    verified_email_domains: [example.com]
    link_by_verified_email: [example.com]
lifetimes: { access_token_seconds: 600 }
`;

const preface = `# Configuration

<!-- Generated from the schema by scripts/generate-configuration.mjs: change libs/config, then generate again. -->

Settings come from environment variables and from one YAML file, named by \`GATEHOUSE_CONFIG\`. The environment beats the
file. A variable that is set but empty counts as not set. Every fault is reported at once, and Gatehouse does not start
with any.

Inside text values of the file, \`\${NAME}\` is replaced by that environment variable, which must then be set; \`$\${\` is a
literal \`\${\`. Unknown keys are faults.

\`\`\`yaml
${example}\`\`\`

## Environment only

| Environment | Type | Default | Meaning |
| --- | --- | --- | --- |
| \`NODE_ENV\` | \`production\`, \`development\`, \`test\` | \`development\` | In production \`DATABASE_URL\`, \`REDIS_URL\`, \`PUBLIC_URL\` (https) and \`GATEHOUSE_MASTER_KEYS\` are obligatory, and everything made for development is refused. |
| \`GATEHOUSE_CONFIG\` | path | no file | The YAML file. |
`;

/** The settings reference, `docs/configuration.md`, rendered from the schema. */
export function configurationReference(): string {
  const settings: string[] = [];
  const sections: string[] = [];
  for (const [key, schema] of Object.entries(settingsSchema.shape)) {
    const inner = innerSchema(schema);
    if (!(inner instanceof z.ZodObject)) {
      settings.push(settingRow([key], schema));
      continue;
    }
    const rows = Object.entries(inner.shape).map(([member, memberSchema]) => settingRow([key, member], memberSchema));
    sections.push(`\n## \`${key}\`\n\n${meaningOf(schema, key)}\n\n${settingTable(rows)}`);
  }
  return `${preface}\n## Settings\n\n${settingTable(settings)}${sections.join('')}${providerPart()}${samlProviderPart()}${organizationPart()}${applicationPart()}${webhookPart()}`;
}

const settingTable = (rows: readonly string[]): string =>
  table(['YAML key', 'Environment', 'Type', 'Default', 'Meaning'], rows);

const table = (columns: readonly string[], rows: readonly string[]): string =>
  `${row(columns)}${row(columns.map(() => '---'))}${rows.join('')}`;

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;

const code = (value: string): string => `\`${value}\``;

function settingRow(path: SettingPath, schema: Schema): string {
  const environmentName = environmentNameOf(path);
  const key = yamlKey(path);
  return row([
    code(key),
    environmentName === undefined ? '–' : code(environmentName),
    typeText(schema),
    defaultText(schema),
    meaningOf(schema, key),
  ]);
}

/** One row a key, or one for each meaning where the provider types differ. */
function providerPart(): string {
  const entries = new Map<Schema, { readonly key: string; readonly types: string[] }>();
  for (const option of providerSchema.options) {
    for (const [key, schema] of Object.entries<Schema>(option.shape)) {
      const entry = entries.get(schema) ?? { key, types: [] };
      entry.types.push(typeText(option.shape.type));
      entries.set(schema, entry);
    }
  }
  const rows = [...entries].map(([schema, { key, types }]) =>
    row([
      code(key),
      types.length === providerSchema.options.length ? 'all' : types.join(', '),
      typeText(schema),
      defaultText(schema),
      meaningOf(schema, `oauth_providers[].${key}`),
    ]),
  );
  const columns = table(['YAML key', 'Provider type', 'Type', 'Default', 'Meaning'], rows);
  return `\n## \`oauth_providers\`\n\nAddresses are https; http is accepted only on a loopback host with \`outbound.allow_private\`.\n\n${columns}`;
}

function samlProviderPart(): string {
  const rows = Object.entries(samlProviderSchema.shape).map(([key, schema]) =>
    row([code(key), typeText(schema), defaultText(schema), meaningOf(schema, `saml_providers[].${key}`)]),
  );
  return `\n## \`saml_providers\`\n\n${table(['YAML key', 'Type', 'Default', 'Meaning'], rows)}`;
}

function organizationPart(): string {
  const rowsOf = (shape: Readonly<Record<string, Schema>>, prefix: string) =>
    Object.entries(shape).map(([key, schema]) =>
      row([
        code(prefix + key),
        typeText(schema),
        defaultText(schema),
        meaningOf(schema, `organizations[].${prefix}${key}`),
      ]),
    );
  const rows = [...rowsOf(organizationSchema.shape, ''), ...rowsOf(memberSchema.shape, 'members[].')];
  return `\n## \`organizations\`\n\n${table(['YAML key', 'Type', 'Default', 'Meaning'], rows)}`;
}

function applicationPart(): string {
  const rows = Object.entries(applicationSchema.shape).map(([key, schema]) =>
    row([code(key), typeText(schema), defaultText(schema), meaningOf(schema, `applications[].${key}`)]),
  );
  return `\n## \`applications\`\n\n${table(['YAML key', 'Type', 'Default', 'Meaning'], rows)}`;
}

function webhookPart(): string {
  const rows = Object.entries(webhookSchema.shape).map(([key, schema]) =>
    row([code(key), typeText(schema), defaultText(schema), meaningOf(schema, `webhooks[].${key}`)]),
  );
  return `\n## \`webhooks\`\n\n${table(['YAML key', 'Type', 'Default', 'Meaning'], rows)}`;
}

/** @throws Error for a setting without a meaning: the reference must not have holes */
function meaningOf(schema: Schema, key: string): string {
  const doc = settingDocs.get(schema);
  if (doc === undefined) throw new Error(`The setting ${key} has no meaning; wrap its schema in documented()`);
  return doc.meaning;
}

function typeText(schema: Schema): string {
  const inner = innerSchema(schema);
  const kind = kinds.get(inner);
  if (kind !== undefined) return kind.text;
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => code(String(option))).join(', ');
  if (inner instanceof z.ZodLiteral) return [...inner.values].map((value) => code(String(value))).join(', ');
  if (inner instanceof z.ZodArray) return `list of ${typeText(inner.element)}`;
  return inner instanceof z.ZodDiscriminatedUnion || inner instanceof z.ZodObject ? 'sections, see below' : 'text';
}

function defaultText(schema: Schema): string {
  const fallback = settingDocs.get(schema)?.fallback;
  if (fallback !== undefined) return fallback;
  if (schema instanceof z.ZodDefault) {
    const value: unknown = schema.def.defaultValue;
    if (Array.isArray(value)) return value.length === 0 ? 'none' : code(`[${value.join(', ')}]`);
    return typeof value === 'object' ? 'none' : code(String(value));
  }
  return z.safeParse(schema, undefined).success ? 'none' : '**obligatory**';
}
