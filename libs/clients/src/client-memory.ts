import type { Clock } from '@app/config';

interface Remembered<T> {
  readonly stored: T | undefined;
  readonly until: number;
}

const REMEMBERED_MS = 60_000;
/** Also of a client whose owner is disabled: short, so that enabling him is felt. */
const ABSENCE_REMEMBERED_MS = 5_000;
const CAPACITY = 10_000;

/**
 * Clients of one kind by their `client_id`, remembered for a minute so that the warm path asks no SQL. What is remembered
 * may be used only after its revocation claims were found current: that, not the minute, is what makes a change immediate
 * (D20).
 */
export class ClientMemory<T> {
  private readonly remembered = new Map<string, Remembered<T>>();
  private readonly loading = new Map<string, Promise<T | undefined>>();

  /** @param read asks Postgres; undefined for a client that is unknown or must not be used. */
  constructor(
    private readonly read: (clientId: string) => Promise<T | undefined>,
    private readonly clock: Clock,
  ) {}

  /** What is remembered of this id; `'unknown'` for a remembered absence, undefined when Postgres must be asked. */
  recall(clientId: string): T | 'unknown' | undefined {
    const known = this.remembered.get(clientId);
    if (known === undefined) return undefined;
    if (known.until > this.clock().getTime()) return known.stored ?? 'unknown';
    this.remembered.delete(clientId);
    return undefined;
  }

  /** Asks Postgres, once for all who ask at the same time. */
  load(clientId: string): Promise<T | undefined> {
    let pending = this.loading.get(clientId);
    if (pending === undefined) {
      pending = this.readAndRemember(clientId).finally(() => this.loading.delete(clientId));
      this.loading.set(clientId, pending);
    }
    return pending;
  }

  forget(clientId: string): void {
    this.remembered.delete(clientId);
  }

  private async readAndRemember(clientId: string): Promise<T | undefined> {
    const stored = await this.read(clientId);
    if (this.remembered.size >= CAPACITY && !this.remembered.has(clientId)) {
      const [oldest] = this.remembered.keys();
      if (oldest !== undefined) this.remembered.delete(oldest);
    }
    const lifetime = stored === undefined ? ABSENCE_REMEMBERED_MS : REMEMBERED_MS;
    this.remembered.set(clientId, { stored, until: this.clock().getTime() + lifetime });
    return stored;
  }
}
