const mark = Symbol.for('holdfast.failed');

/** What `runBatch` returns in place of a value for an item that failed. Made by {@link failed}. */
export interface Failed {
  readonly error: unknown;
  readonly [mark]: true;
}

/**
 * Says that one item of a batch failed; it is tried again or quarantined by itself.
 *
 * @example
 * runBatch: async (rows) => (await api.send(rows)).map((reply) => (reply.ok ? reply.id : failed(reply.message)))
 */
export function failed(error: unknown): Failed {
  return Object.freeze({ error, [mark]: true as const });
}

export function isFailed(value: unknown): value is Failed {
  return typeof value === 'object' && value !== null && mark in value;
}
