import { isRecord } from './config-file.js';
import type { FaultCollector } from './configuration-error.js';
import type { ClientCallback } from './gatehouse-config.js';
import type { NameSetting, SettingPath } from './setting-key.js';
import type { Settings } from './settings.schema.js';
import { clientCallbackFault } from './urls.js';

interface Sketch {
  readonly path: SettingPath;
  readonly urlPath: SettingPath;
  readonly url: unknown;
  readonly clientId: unknown;
}

function sketch(entry: unknown, index: number): Sketch {
  const path = ['client_callbacks', index];
  if (!isRecord(entry)) return { path, urlPath: path, url: entry, clientId: entry };
  return { path, urlPath: [...path, 'url'], url: entry.url, clientId: entry.client_id ?? entry.url };
}

/**
 * D7, R18: every callback obeys the redirect rule, and neither a URL nor a client id stands twice, since each is a key by
 * which a client is found. Works on the document as written, so that one bad entry hides no other.
 */
export function checkClientCallbacks(callbacks: unknown, nameOf: NameSetting, faults: FaultCollector): void {
  if (!Array.isArray(callbacks)) return;
  const urls = new Set<string>();
  const clientIds = new Set<string>();
  for (const { path, urlPath, url, clientId } of callbacks.map(sketch)) {
    const report = (at: SettingPath, message: string): void => {
      const { key, prefix } = nameOf(at);
      faults.add(key, prefix + message);
    };
    if (typeof url === 'string' && url !== '') {
      const fault = clientCallbackFault(url);
      if (fault !== undefined) report(urlPath, fault);
      else if (urls.has(url)) report(urlPath, 'is listed twice; remove one of the entries');
      urls.add(url);
    }
    if (typeof clientId !== 'string' || clientId === '') continue;
    // Without a client_id of its own the URL is the id, and the line above has already said that it stands twice.
    if (clientIds.has(clientId) && clientId !== url)
      report(path, 'its client_id is already taken; give it another one');
    clientIds.add(clientId);
  }
}

/** The clients as configured; {@link checkClientCallbacks} has judged them. */
export function toClientCallbacks(callbacks: NonNullable<Settings['client_callbacks']>): ClientCallback[] {
  return callbacks.map((entry) =>
    typeof entry === 'string'
      ? { clientId: entry, url: entry }
      : { clientId: entry.client_id ?? entry.url, url: entry.url },
  );
}
