type Listener = (database: string) => void;

const listeners = new Set<Listener>();

/** Calls `listener` whenever a database has been waited for, because another program holds it, for two seconds. Returns what ends that. */
export function onLongLock(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Says that a database has been locked for long. */
export function noteLongLock(database: string): void {
  for (const listener of listeners) listener(database);
}
