import { OAuthError } from '@app/oauth2';
import type { PageEnd, StoredConnection } from '@app/vault';

const CURSOR = /^(\d{1,16})\.(conn_[0-9a-f]{32})$/;

/** Where the next page begins, as text that is nobody's business to read. */
export function cursorOf({ createdAt, id }: Pick<StoredConnection, 'createdAt' | 'id'>): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

/** @throws OAuthError 422 for what was never a cursor of ours */
export function readCursor(cursor: string): PageEnd {
  const [, time, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  const createdAt = new Date(Number(time));
  if (id === undefined || Number.isNaN(createdAt.getTime()))
    throw new OAuthError('invalid_request', 'cursor must be the next_cursor of the page before', {
      status: 422,
      details: { in: 'query', field: 'cursor' },
    });
  return { createdAt, id };
}
