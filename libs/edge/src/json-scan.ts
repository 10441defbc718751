/** Keys that would reach an object's prototype in code that copies carelessly. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Deepest nesting that a request may have; our own schemas need three. */
export const MAX_JSON_DEPTH = 16;

export interface JsonScan {
  /** Why the document is refused although it is JSON. */
  readonly fault: string | undefined;
  /** Names that the top-level object holds more than once, where JSON.parse silently keeps the last. */
  readonly repeated: ReadonlySet<string> | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Index of the quote that ends the string whose first character is at `from`. */
function endOfString(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    at += code === BACKSLASH ? 2 : 1;
  }
}

/** The key between two quotes; escapes are undone first, so that `\u005f_proto__` is the same key as `__proto__`. */
function keyBetween(text: string, from: number, to: number): string {
  const raw = text.slice(from, to);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/**
 * Looks for what JSON.parse lets through. Precondition: `text` is valid JSON (JSON.parse has accepted it), so the scan
 * tracks only strings, brackets and whether a string stands where a key does.
 */
export function scanJson(text: string): JsonScan {
  const insideObject: boolean[] = [];
  const seen = new Set<string>();
  let repeated: Set<string> | undefined;
  let keyNext = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at + 1);
      if (keyNext) {
        keyNext = false;
        const key = keyBetween(text, at + 1, end);
        if (FORBIDDEN_KEYS.has(key)) return { fault: `must not hold a field named ${key}`, repeated };
        if (insideObject.length === 1) {
          if (seen.has(key)) (repeated ??= new Set()).add(key);
          else seen.add(key);
        }
      }
      at = end;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (insideObject.length >= MAX_JSON_DEPTH)
        return { fault: `is nested deeper than ${MAX_JSON_DEPTH} levels`, repeated };
      keyNext = code === OPEN_BRACE;
      insideObject.push(keyNext);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      insideObject.pop();
      keyNext = false;
    } else if (code === COMMA) {
      keyNext = insideObject[insideObject.length - 1] === true;
    }
  }
  return { fault: undefined, repeated };
}
