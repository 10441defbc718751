import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { SamlProviderConfig } from '@app/config';
import type { OutboundFetch } from '@app/outbound';
import { MetadataError } from './metadata-error.js';

const ACCEPT = 'application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1';

/** Names where a provider's metadata comes from and what is taken of it: another name starts anew, and trusts anew. */
export function sourceOf({ metadata, idpEntityId }: SamlProviderConfig): string {
  const place = placeOf(metadata);
  return idpEntityId === undefined ? place : `${place} entity ${idpEntityId}`;
}

function placeOf(metadata: SamlProviderConfig['metadata']): string {
  switch (metadata.kind) {
    case 'url':
      return `url ${metadata.url}`;
    case 'file':
      return `file ${metadata.path}`;
    case 'xml':
      return `xml sha256:${createHash('sha256').update(metadata.xml).digest('hex')}`;
  }
}

/**
 * The document as it is now. At most `outbound.max_bytes`, from wherever.
 * @throws OutboundError, MetadataError or a file system's error; the message is for operators.
 */
export async function fetchMetadata({ metadata }: SamlProviderConfig, outbound: OutboundFetch): Promise<string> {
  switch (metadata.kind) {
    case 'url': {
      const answer = await outbound.fetch(metadata.url, { headers: { accept: ACCEPT } });
      if (answer.status !== 200) throw new MetadataError(`the metadata URL answers with status ${answer.status}`);
      return decode(new Uint8Array(await answer.arrayBuffer()));
    }
    case 'file':
      return decode(await readCapped(metadata.path, outbound.limits.maxBytes));
    case 'xml':
      return metadata.xml;
  }
}

async function readCapped(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw new MetadataError(`${path} is larger than ${maxBytes} bytes (outbound.max_bytes)`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new MetadataError('the document is not UTF-8');
  }
}
