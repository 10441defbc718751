import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { isRecord } from './config-file.js';
import { loadConfig } from './load-config.js';
import { settingsSchema } from './settings.schema.js';

const CALLBACK = 'https://app.example.com/callback';

/** Every YAML block of these documents, as a reader would copy it; the files of other products are fenced as `yml`. */
const DOCUMENTS = ['vault', 'fake-upstream', 'organizations', 'applications', 'saml', 'operations'].map(
  (name) => `docs/${name}.md`,
);
const EXAMPLES = ['README.md', ...DOCUMENTS].flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, text = ''], index) => [`${file}, example ${index + 1}`, text] as const,
  ),
);

/** Keys of a provider alone are completed with what such a provider must have. */
function completed(text: string): string {
  const example: unknown = parse(text);
  if (!isRecord(example)) throw new Error('an example that is no section');
  if (Object.keys(example).every((key) => key in settingsSchema.shape)) return text;
  const provider = { id: 'acme', metadata_url: 'https://idp.acme.com/metadata', ...example };
  const callback = example['idp_initiated_callback'] ?? CALLBACK;
  return stringify({ client_callbacks: [callback], saml_providers: [provider] });
}

describe('the examples of the documents', () => {
  it('are there', () => expect(EXAMPLES.length).toBeGreaterThanOrEqual(4));

  it.each(EXAMPLES)('%s is a configuration', (_name, text) => {
    const named = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, 'a-secret-that-is-long-enough-for-all']);
    const env = { GATEHOUSE_CONFIG: 'gatehouse.yaml', ...Object.fromEntries(named) };
    const config = loadConfig(env, () => completed(text));
    expect(config.providers.length + config.samlProviders.length).toBeGreaterThan(0);
  });
});
