import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const internalSockets = new WeakSet<Socket>();

/** For the listener of INTERNAL_PORT alone: whoever connects to it sits on this machine (D27). */
export function markInternalSocket(socket: Socket): void {
  internalSockets.add(socket);
}

/** Did this request come in by the loopback listener of INTERNAL_PORT (D27)? */
export function cameByInternalListener(request: IncomingMessage): boolean {
  return internalSockets.has(request.socket);
}
