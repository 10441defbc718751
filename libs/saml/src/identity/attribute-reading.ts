import type { Attribute } from '../message-facts.js';

/**
 * The attributes that a name means: those whose `Name` it is; where there are none, those whose `FriendlyName` it is, for
 * that is meant for people and anybody's to choose (core §2.7.3.1). Exact text, in the order of the message. A list is
 * searched and no object indexed, so a name like `__proto__` is a name like any other.
 */
export function findAttributes(attributes: readonly Attribute[], name: string): readonly Attribute[] {
  const byName = attributes.filter((attribute) => attribute.name === name);
  return byName.length > 0 ? byName : attributes.filter((attribute) => attribute.friendlyName === name);
}

/** Every value of a name, as it was written, without empty and blank ones: many IdPs send those for "none". */
export function readValues(attributes: readonly Attribute[], name: string): readonly string[] {
  return findAttributes(attributes, name)
    .flatMap(({ values }) => values)
    .filter((value) => value.trim() !== '');
}

/** The values of the first of several names that has any. */
export function readFirst(attributes: readonly Attribute[], names: readonly string[]): readonly string[] {
  for (const name of names) {
    const values = readValues(attributes, name);
    if (values.length > 0) return values;
  }
  return [];
}
