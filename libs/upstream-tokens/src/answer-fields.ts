/** The members of a JSON object, or the parameters of a form, that an endpoint answered. */
export type AnswerFields = Readonly<Record<string, unknown>>;

/**
 * The fields of an answer's body: a JSON object, or a form, which some token endpoints answer with (RFC 6749 §5.1 knows
 * JSON alone). undefined: neither, an HTML page for instance.
 */
export function parseAnswer(body: string, contentType: string | undefined): AnswerFields | undefined {
  // Looked at before the type is: providers send JSON as text/plain, text/javascript and text/html.
  if (/^\s*\{/.test(body)) {
    try {
      const value: unknown = JSON.parse(body);
      return isFields(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }
  const isForm = contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded') ?? false;
  return isForm || /^(?:access_token|error)=/.test(body) ? formFields(new URLSearchParams(body)) : undefined;
}

/** A repeated field makes the form ambiguous, hence unusable (RFC 6749 §3.2: parameters are not repeated). */
function formFields(form: URLSearchParams): AnswerFields | undefined {
  const fields = new Map<string, string>();
  for (const [name, value] of form) {
    if (fields.has(name)) return undefined;
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}

export function isFields(value: unknown): value is AnswerFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a dotted path; `''` is the whole. */
export function fieldAt(fields: AnswerFields, path: string): unknown {
  if (path === '') return fields;
  let value: unknown = fields;
  for (const step of path.split('.')) {
    if (!isFields(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** Text that is not empty, or undefined. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
