import { z } from 'zod';

/** What the schema of a setting is below defaults, optionality and coercion. */
export function innerSchema(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return innerSchema(schema.def.innerType);
  }
  return schema;
}

/** The names that a section may hold at a place in the document: the basis of "did you mean". */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[], document: unknown): readonly string[] {
  const inner = innerSchema(schema);
  const [step, ...rest] = path;
  const below = (value: unknown, key: PropertyKey): unknown =>
    typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const option = inner.options.find(
      (candidate) =>
        candidate instanceof z.ZodObject && z.safeParse(candidate.shape.type, below(document, 'type')).success,
    );
    return option === undefined ? [] : keysAt(option, path, document);
  }
  if (inner instanceof z.ZodUnion) {
    const option = inner.options.find((candidate) => candidate instanceof z.ZodObject);
    return option === undefined ? [] : keysAt(option, path, document);
  }
  if (step === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  if (inner instanceof z.ZodArray) return keysAt(inner.element, rest, below(document, step));
  const member = inner instanceof z.ZodObject ? inner.shape[String(step)] : undefined;
  return member === undefined ? [] : keysAt(member, rest, below(document, step));
}
