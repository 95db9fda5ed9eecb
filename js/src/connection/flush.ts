/**
 * One write a turn: what a program sends in one turn of the event loop leaves in one write for each
 * connection, because a write costs more than the messages in it.
 */

/** An object that has output to write at the end of the turn. */
interface Writing {
  flush(): void;
}

let dirty: Writing[] = [];

function flushAll(): void {
  const connections = dirty;
  dirty = [];
  for (const connection of connections) connection.flush();
}

/** Flushes a connection at the end of this turn. A connection asks once for each turn. */
export function flushLater(connection: Writing): void {
  if (dirty.push(connection) === 1) queueMicrotask(flushAll);
}
