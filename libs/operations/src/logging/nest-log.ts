import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';
import { redact } from './redaction.js';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Contexts in which Nest announces each module and route; they say nothing to an operator. */
const CHATTER = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);

function fieldsOf(message: object): Record<string, unknown> {
  if (message instanceof Error) return { err: message };
  const { message: text, ...fields } = message as { message?: unknown };
  return text === undefined ? fields : { ...fields, msg: redact(String(text)) };
}

/** Nest's logger, written with pino. Objects become fields; `err` in them is written as an error. */
export class NestLog implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    this.#write(typeof context === 'string' && CHATTER.has(context) ? 'debug' : 'info', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** `rest` is what Nest adds: a stack for errors, further messages, and the context last. */
  #write(level: Level, message: unknown, rest: readonly unknown[]): void {
    if (!this.logger.isLevelEnabled(level)) return;
    const context = rest.at(-1);
    const more = rest.slice(0, -1).filter((part) => part !== undefined);
    const fields: Record<string, unknown> = typeof context === 'string' ? { context } : {};
    if (more.length > 0) fields['more'] = more.map((part) => redact(String(part)));
    if (typeof message === 'object' && message !== null) {
      const { msg, ...own } = fieldsOf(message);
      this.logger[level]({ ...fields, ...own }, typeof msg === 'string' ? msg : undefined);
    } else {
      this.logger[level](fields, redact(String(message)));
    }
  }
}
