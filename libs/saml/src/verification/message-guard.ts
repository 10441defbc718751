import { inflateRawSync } from 'node:zlib';
import { refuse, type Verdicts } from './refused.js';
import { findXmlFault, type XmlLimits } from './xml-scanner.js';

const KIB = 1024;

/** A response with some two thousand groups fits; a flood of elements does not (R13). */
export const MESSAGE_LIMITS: XmlLimits = {
  bytes: 256 * KIB,
  depth: 32,
  elements: 5_000,
  attributes: 10_000,
  attributesOfOneElement: 64,
  annotations: 'refused',
};

/** Metadata comes from an administrator or an address of his: several hundred entities in one document are normal. */
export const METADATA_LIMITS: XmlLimits = {
  bytes: 4 * KIB * KIB,
  depth: 32,
  elements: 100_000,
  attributes: 100_000,
  attributesOfOneElement: 256,
  annotations: 'skipped',
};

/** A byte order mark at the start is dropped (some IdPs write one); anything that is not UTF-8 throws. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Base64 in its one canonical spelling (RFC 4648 §3.5), line breaks aside; undefined for anything else. Buffer.from alone
 * skips what it does not know, so that many texts would be one message.
 */
export function decodeBase64(text: string, whiteSpace: RegExp): Buffer | undefined {
  const packed = text.replace(whiteSpace, '');
  const bytes = Buffer.from(packed, 'base64');
  return packed !== '' && bytes.toString('base64') === packed ? bytes : undefined;
}

/** RFC 2045 breaks lines so. */
const LINE_BREAKS = /[\r\n]+/g;

/** The XML of a message of the POST binding (bindings §3.5.4), safe to parse. */
export function openPostMessage(value: string, verdicts: Verdicts): string {
  return guardXml(base64Message(value, verdicts), MESSAGE_LIMITS, verdicts);
}

/** The XML of a message of the Redirect binding: base64 of DEFLATE (bindings §3.4.4.1), safe to parse. */
export function openRedirectMessage(value: string, verdicts: Verdicts): string {
  const deflated = base64Message(value, verdicts);
  return guardXml(inflate(deflated), MESSAGE_LIMITS, verdicts);
}

/** XML that may be parsed. Throws Refused with the fault's verdict. */
export function guardXml(bytes: Uint8Array, limits: XmlLimits, verdicts: Verdicts): string {
  verdicts.require('size', bytes.length <= limits.bytes, `at most ${limits.bytes} bytes`, `${bytes.length} bytes`);
  const text = decodeUtf8(bytes);
  const fault = findXmlFault(text, limits);
  if (fault !== undefined) refuse(fault.check, fault.expected, fault.found);
  return text;
}

function base64Message(value: string, verdicts: Verdicts): Buffer {
  // Before it is decoded; line breaks are at most two characters in 64.
  const longest = Math.ceil((MESSAGE_LIMITS.bytes * 4) / 3) + MESSAGE_LIMITS.bytes / 16;
  if (value.length > longest)
    refuse('size', `at most ${MESSAGE_LIMITS.bytes} bytes`, `${value.length} characters of base64`);
  const bytes = decodeBase64(value, LINE_BREAKS);
  if (bytes === undefined) return refuse('encoding', 'base64', value === '' ? 'nothing' : 'something else');
  verdicts.pass('encoding', 'base64');
  return bytes;
}

/** Stops inflating at the limit: a bomb costs no more than the largest message. */
function inflate(deflated: Buffer): Buffer {
  try {
    return inflateRawSync(deflated, { maxOutputLength: MESSAGE_LIMITS.bytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      return refuse('size', `at most ${MESSAGE_LIMITS.bytes} bytes`, 'more, once inflated');
    }
    return refuse('encoding', 'DEFLATE (RFC 1951)', 'something else');
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return refuse('encoding', 'UTF-8', 'other bytes');
  }
}
