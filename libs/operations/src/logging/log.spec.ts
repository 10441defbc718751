import { pino } from 'pino';
import { developmentLine } from './development-line.js';
import { NestLog } from './nest-log.js';
import { loggedError } from './redaction.js';

function recorded(level = 'trace') {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level, base: undefined, timestamp: false, serializers: { err: loggedError } },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  return { lines, log: new NestLog(logger) };
}

describe('Nest’s messages', () => {
  it('become a message with its context', () => {
    const { lines, log } = recorded();
    log.warn('careful', 'Database');
    expect(lines).toEqual([{ level: 40, context: 'Database', msg: 'careful' }]);
  });

  it('that are objects become fields, and errors are written without their other properties', () => {
    const { lines, log } = recorded();
    log.error({ requestId: 'r1', err: Object.assign(new Error('no'), { parameters: ['secret'] }) }, 'Errors');
    expect(lines[0]).toMatchObject({ context: 'Errors', requestId: 'r1', err: { type: 'Error', message: 'no' } });
    expect(JSON.stringify(lines)).not.toContain('secret');
    log.error(new Error('bare'), 'X');
    expect(lines[1]).toMatchObject({ err: { message: 'bare' } });
  });

  it('R31: are redacted, the stack that Nest hands over too', () => {
    const { lines, log } = recorded();
    log.error('failed with code=abc', 'Error: token=abc\n at x', 'Ctx');
    log.log({ message: 'with code=abc' }, 'Ctx');
    expect(JSON.stringify(lines)).not.toContain('abc');
  });

  it('about modules and routes are for debugging only', () => {
    const { lines, log } = recorded('info');
    log.log('AppModule dependencies initialized', 'InstanceLoader');
    log.log('told', 'KeyRotation');
    expect(lines.map(({ msg }) => msg)).toEqual(['told']);
  });
});

describe('the log of development', () => {
  const line = (entry: object) => developmentLine(JSON.stringify({ time: 0, level: 30, ...entry }));

  it('is one line an entry, fields after the message', () => {
    expect(line({ msg: 'request', method: 'GET', ms: 1.5 })).toMatch(
      /^\d\d:\d\d:\d\d INFO {2}request method=GET ms=1.5\n$/,
    );
    expect(line({ level: 40, msg: 'careful', context: 'Database' })).toContain('WARN  [Database] careful');
  });

  it('shows an error with its stack and its causes', () => {
    const err = {
      type: 'Error',
      message: 'a',
      stack: 'Error: a\n    at x',
      cause: { type: 'TypeError', message: 'b' },
    };
    expect(line({ level: 50, err })).toContain('Error: a\n        at x\n    caused by TypeError: b');
  });

  it('passes on what is not JSON', () => {
    expect(developmentLine('plain\n')).toBe('plain\n');
  });
});
