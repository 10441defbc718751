import { z } from 'zod';

/** A JSON Schema (draft 2020-12) as OpenAPI 3.1 embeds it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const components = new Map<string, JsonSchema>();

const COMPONENTS = '#/components/schemas/';

function withComponentRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withComponentRefs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string' ? inner.replace('#/$defs/', COMPONENTS) : withComponentRefs(inner),
    ]),
  );
}

function addComponent(name: string, schema: JsonSchema): void {
  const known = components.get(name);
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema))
    throw new Error(`Two different API schemas are called ${name}; give one another id in .meta({ id })`);
  components.set(name, schema);
}

/**
 * An answer may gain fields one day, so only what is written as strict says that it has no others; and the bounds of
 * JavaScript's own integers are not ours to promise.
 */
function asPromised({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}) {
  const { def } = zodSchema._zod;
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

/**
 * The OpenAPI form of a zod schema; it and all inside it that has an id (`.meta({ id: 'UserInfo' })`) becomes a
 * reference to a component. Throws when two different schemas claim one id.
 */
export function apiSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const json = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: asPromised });
  const { $schema: _dialect, $defs = {}, ...rest } = withComponentRefs(json) as Record<string, unknown>;
  for (const [name, definition] of Object.entries($defs as Record<string, JsonSchema>))
    addComponent(name, withoutId(definition));
  return withoutId(rest);
}

function withoutId(schema: JsonSchema): JsonSchema {
  const { id: _id, $id: _dollarId, ...rest } = schema;
  return rest;
}

/** The properties of an object schema one by one, as parameters need them. */
export function apiProperties(
  schema: z.ZodObject,
): readonly { name: string; required: boolean; schema: JsonSchema; description: string | undefined }[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const { description, ...json } = apiSchema(field as z.ZodType, 'output');
    return {
      name,
      required: !(field as z.ZodType).safeParse(undefined).success,
      schema: json,
      description: typeof description === 'string' ? description : undefined,
    };
  });
}

/** Every named schema that a route has mentioned so far: `components.schemas` of the document. */
export function apiComponents(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
