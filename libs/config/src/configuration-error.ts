/** One thing that is wrong: `key` is an environment name or a path in the YAML file, `message` says what and how to fix it. */
export interface ConfigurationFault {
  readonly key: string;
  readonly message: string;
}

/**
 * Thrown once at start with every fault that was found. Neither the message nor the faults quote a value that the
 * operator set, because a secret may stand in the wrong place; the exceptions are the normal form of a URL without
 * user information, and names (keys, provider ids).
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly faults: readonly ConfigurationFault[];

  constructor(faults: readonly ConfigurationFault[]) {
    const count = faults.length === 1 ? '1 setting is' : `${faults.length} settings are`;
    const lines = faults.map((fault) => `  - ${fault.key}: ${fault.message}`);
    super(`The configuration is not usable, ${count} wrong:\n${lines.join('\n')}`);
    this.faults = faults;
  }
}

/** Collects faults while the configuration is read, so that the operator sees all of them in one start. */
export class FaultCollector {
  readonly #faults: ConfigurationFault[] = [];
  readonly #unknowable = new Set<string>();

  add(key: string, message: string): void {
    if (this.#unknowable.has(key)) return;
    if (this.#faults.some((fault) => fault.key === key && fault.message === message)) return;
    this.#faults.push({ key, message });
  }

  /** Reports a value that could not be obtained at all: whatever else is said about that key would be noise. */
  addUnknowable(key: string, message: string): void {
    this.add(key, message);
    this.#unknowable.add(key);
  }

  /** True when the key itself or something inside it has a fault. */
  concerns(key: string): boolean {
    return this.#faults.some(
      (fault) => fault.key === key || fault.key.startsWith(`${key}.`) || fault.key.startsWith(`${key}[`),
    );
  }

  /** @throws ConfigurationError when anything was collected */
  throwIfAny(): void {
    if (this.#faults.length > 0) throw new ConfigurationError([...this.#faults]);
  }
}
