import { parseDocument } from 'yaml';
import type { FaultCollector } from './configuration-error.js';
import { yamlKey, type SettingPath } from './setting-key.js';

/** The settings as written: keys checked by nobody yet. */
export type SettingsDocument = Record<string, unknown>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parser's own messages quote source text, which may be a secret: only our words and the position are shown. */
const syntaxFaults: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'a key is given twice in one section; keep one of them',
  MULTIPLE_DOCS: 'the file holds several documents; remove the `---` between them',
  BAD_INDENT: 'the indentation is wrong; align the key with its neighbours',
  TAB_AS_INDENT: 'a tab is used to indent; use spaces',
  MISSING_CHAR: 'a bracket, brace or quote is not closed; close it',
};

/**
 * Reads the YAML file and replaces `${NAME}` inside string values by the environment; `$${` is a literal `${`.
 * The replacement happens after parsing, so a value can never add keys or lists.
 */
export function readConfigFile(
  path: string,
  readFile: (path: string) => string,
  env: NodeJS.ProcessEnv,
  faults: FaultCollector,
): SettingsDocument {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code = isRecord(error) && typeof error.code === 'string' ? ` (${error.code})` : '';
    faults.add('GATEHOUSE_CONFIG', `the file cannot be read${code}; give the path of a readable YAML file`);
    return {};
  }
  const content = parseYaml(text, faults);
  return isRecord(content) ? substituteRecord(content, [], env, faults) : {};
}

function parseYaml(text: string, faults: FaultCollector): unknown {
  // With logLevel `silent` the parser would also keep quiet about a second document.
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' });
  for (const error of document.errors) {
    const start = error.linePos?.[0];
    const place = start === undefined ? '' : `line ${start.line}, column ${start.col}: `;
    const words = syntaxFaults[error.code] ?? `not valid YAML (${error.code}); correct the line or quote the value`;
    faults.add('GATEHOUSE_CONFIG', `${place}${words}`);
  }
  if (document.errors.length > 0) return {};
  try {
    const content: unknown = document.toJS({ maxAliasCount: 100 });
    if (content !== null && !isRecord(content)) {
      faults.add('GATEHOUSE_CONFIG', 'the file must hold `key: value` settings at its top level');
    }
    return content;
  } catch {
    faults.add('GATEHOUSE_CONFIG', 'its aliases cannot be resolved or multiply too often; write the values out');
    return {};
  }
}

function substituteRecord(
  record: Record<string, unknown>,
  path: SettingPath,
  env: NodeJS.ProcessEnv,
  faults: FaultCollector,
): Record<string, unknown> {
  // fromEntries defines own properties: a `__proto__` key stays an unknown key instead of becoming the prototype.
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, substitute(value, [...path, key], env, faults)]),
  );
}

function substitute(value: unknown, path: SettingPath, env: NodeJS.ProcessEnv, faults: FaultCollector): unknown {
  if (Array.isArray(value)) return value.map((entry, index) => substitute(entry, [...path, index], env, faults));
  if (isRecord(value)) return substituteRecord(value, path, env, faults);
  if (typeof value !== 'string') return value;
  return value.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (match, name: string | undefined, close: string | undefined) => {
    if (match === '$${') return '${';
    if (name === undefined || close !== '}' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      faults.addUnknowable(yamlKey(path), 'has a malformed `${NAME}`; write `${NAME}`, or `$${` for a literal `${`');
      return '';
    }
    const substituted = env[name];
    if (substituted === undefined || substituted === '') {
      faults.addUnknowable(yamlKey(path), `the environment variable ${name} is not set; set it or remove \${${name}}`);
      return '';
    }
    return substituted;
  });
}
