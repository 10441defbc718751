import type { IncomingMessage } from 'node:http';
import { requestIds } from './request-id.js';

const sent = (id?: string) =>
  ({ headers: id === undefined ? {} : { 'x-request-id': id } }) as unknown as IncomingMessage;

describe('the id of a request', () => {
  it('is ours, and another for each request, whatever a direct caller sends', () => {
    const next = requestIds('direct');
    const ids = [next(sent('forged-by-caller')), next(sent()), next(sent())];
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain('forged-by-caller');
  });

  it('is the one that a trusted proxy gave', () => {
    expect(requestIds('proxy-trusted')(sent('4bf92f35-77b3'))).toBe('4bf92f35-77b3');
  });

  it.each(['short', 'with space in it', 'line\nbreak-line', `${'x'.repeat(65)}`, '{"json":"injection"}', ''])(
    'is ours when the proxy’s is %j',
    (id) => {
      expect(requestIds('proxy-trusted')(sent(id))).not.toBe(id);
    },
  );
});
