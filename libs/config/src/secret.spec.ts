import { format, inspect } from 'node:util';
import { Secret } from './secret.js';

describe('Secret', () => {
  const secret = new Secret('hunter2');

  it('gives its value to whoever asks by name', () => {
    expect(secret.reveal()).toBe('hunter2');
  });

  it.each([
    ['String()', String(secret)],
    ['a template', `${secret}`],
    ['concatenation', '' + secret],
    ['JSON', JSON.stringify({ secret })],
    ['inspect', inspect({ secret }, { showHidden: true, depth: null })],
    ['%s', format('%s', secret)],
    ['%o', format('%o', secret)],
    ['its properties', JSON.stringify(Object.getOwnPropertyDescriptors(secret)) + '[redacted]'],
    ['a spread', JSON.stringify({ ...secret }) + '[redacted]'],
  ])('prints as [redacted] through %s', (_, output) => {
    expect(output).not.toContain('hunter2');
    expect(output).toContain('[redacted]');
  });
});
