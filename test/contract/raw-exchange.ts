import { connect } from 'node:net';

/** An HTTP/1.1 answer as it stood on the wire. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; of a header that came more than once, the lines joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends these bytes to a loopback port and reads one whole answer. Throws at whatever RFC 9112 does not allow, at a
 * body without a length, and at a connection that ends in the middle.
 */
export function sendRaw(port: number, bytes: Buffer | string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = Buffer.alloc(0);
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      try {
        const answer = parseAnswer(received);
        if (answer === undefined) return;
        resolve(answer);
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the connection ended inside the answer: ${received.toString()}`)));
  });
}

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e]*$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** The answer, when it is whole; undefined while bytes are missing. Interim answers (1xx) are not expected. */
export function parseAnswer(bytes: Buffer): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...fieldLines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(STATUS_LINE.exec(statusLine)?.[1] ?? Number.NaN);
  if (!(status >= 200)) throw new Error(`not a final status line: ${statusLine}`);
  const headers: Record<string, string> = {};
  for (const line of fieldLines) {
    const [, name = '', value = ''] = FIELD_LINE.exec(line) ?? [];
    if (name === '') throw new Error(`not a header line: ${JSON.stringify(line)}`);
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  const body = bodyOf(status, headers, bytes.subarray(end + 4));
  return body === undefined ? undefined : { status, headers, body };
}

/** RFC 9112 §6.3. */
function bodyOf(status: number, headers: Readonly<Record<string, string>>, rest: Buffer): string | undefined {
  const length = headers['content-length'];
  const coding = headers['transfer-encoding'];
  if (length !== undefined && coding !== undefined) throw new Error('both Content-Length and Transfer-Encoding');
  if (status === 204 || status === 304) {
    if (rest.length > 0) throw new Error(`${status} with a body`);
    return '';
  }
  if (coding !== undefined) {
    if (coding !== 'chunked') throw new Error(`Transfer-Encoding ${coding}`);
    return chunkedBody(rest);
  }
  if (length === undefined || !/^\d+$/.test(length)) throw new Error(`Content-Length ${length}`);
  if (rest.length > Number(length)) throw new Error('bytes after the body');
  return rest.length < Number(length) ? undefined : rest.toString();
}

/** RFC 9112 §7.1, without trailers. */
function chunkedBody(rest: Buffer): string | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = rest.subarray(at, lineEnd).toString('latin1');
    if (!/^[0-9a-fA-F]+$/.test(line)) throw new Error(`not the size of a chunk: ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    const next = lineEnd + 2 + size + 2;
    if (rest.length < next) return undefined;
    if (rest.subarray(next - 2, next).toString('latin1') !== '\r\n') throw new Error('a chunk longer than its size');
    if (size > 0) pieces.push(rest.subarray(lineEnd + 2, next - 2));
    else if (rest.length > next) throw new Error('bytes after the body');
    else return Buffer.concat(pieces).toString();
    at = next;
  }
}
