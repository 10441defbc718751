import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import { RecordJournal } from './record-journal.js';

const FORGETFUL = { journal: undefined, records: new Map<string, never>() };

interface Entry {
  readonly payload: AdapterPayload;
  /** Milliseconds since the epoch; Infinity for what never expires. */
  readonly expiresAt: number;
}

/** Past this many entries the oldest go first, so a load generator cannot fill the developer's memory. */
const MAX_ENTRIES = 50_000;

/**
 * Storage of one provider instance: a map from `Model:id` to what the library saved there.
 *
 * @param now clock in milliseconds since the epoch
 * @param path file that keeps it beyond the end of the process; without one everything is forgotten then
 * @returns the factory that the library calls once for each of its models
 */
export function memoryStorage(now: () => number, path?: string): AdapterFactory {
  const { journal, records } = path === undefined ? FORGETFUL : RecordJournal.open(path, now());
  const entries = new Map<string, Entry>();
  const keysOfGrant = new Map<string, Set<string>>();

  const read = (key: string): AdapterPayload | undefined => {
    const entry = entries.get(key);
    if (entry && entry.expiresAt <= now()) {
      remove(key);
      return undefined;
    }
    return entry?.payload;
  };

  const remove = (key: string): void => {
    const grantId = entries.get(key)?.payload.grantId;
    if (entries.delete(key)) journal?.remove(key);
    if (grantId === undefined) return;
    const siblings = keysOfGrant.get(grantId);
    siblings?.delete(key);
    if (siblings?.size === 0) keysOfGrant.delete(grantId);
  };

  const write = (key: string, payload: AdapterPayload, expiresAt: number): void => {
    remove(key);
    journal?.put(key, payload, expiresAt);
    remember(key, payload, expiresAt);
  };

  const remember = (key: string, payload: AdapterPayload, expiresAt: number): void => {
    entries.set(key, { payload, expiresAt });
    if (payload.grantId !== undefined) {
      const siblings = keysOfGrant.get(payload.grantId) ?? new Set<string>();
      keysOfGrant.set(payload.grantId, siblings.add(key));
    }
    for (const oldest of entries.keys()) {
      if (entries.size <= MAX_ENTRIES) break;
      remove(oldest);
    }
  };

  for (const { key, payload, expiresAt } of records.values()) remember(key, payload, expiresAt);

  return (model): Adapter => ({
    async upsert(id, payload, expiresIn) {
      write(`${model}:${id}`, payload, expiresIn === undefined ? Infinity : now() + expiresIn * 1000);
    },
    async find(id) {
      return read(`${model}:${id}`);
    },
    /** Browser sessions are the only records looked up by `uid`, and a developer has few of them. */
    async findByUid(uid) {
      for (const key of entries.keys()) {
        if (key.startsWith(`${model}:`) && entries.get(key)?.payload.uid === uid) return read(key);
      }
      return undefined;
    },
    async findByUserCode() {
      return undefined; // the device flow is off
    },
    async consume(id) {
      const key = `${model}:${id}`;
      const payload = read(key);
      if (!payload) return;
      payload.consumed = Math.floor(now() / 1000);
      journal?.put(key, payload, entries.get(key)?.expiresAt ?? Infinity);
    },
    async destroy(id) {
      remove(`${model}:${id}`);
    },
    async revokeByGrantId(grantId) {
      for (const key of keysOfGrant.get(grantId) ?? []) remove(key);
    },
  });
}
