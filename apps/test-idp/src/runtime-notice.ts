/**
 * oidc-provider writes one "Unsupported runtime" warning while it loads on Node 20, where everything that this
 * application uses of it is covered by our own tests. Imported just before the library, this module holds that one
 * line back; `restoreWarnings()` is called just after. Every other warning still gets through.
 */
const original = console.warn;

console.warn = (...parts: unknown[]): void => {
  if (String(parts[0]).includes('Unsupported runtime')) return;
  original.apply(console, parts);
};

export function restoreWarnings(): void {
  console.warn = original;
}
