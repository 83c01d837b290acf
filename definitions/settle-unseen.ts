/** What a function gives by mistake, a promise, may reject: that must not end the process. */
export function settleUnseen(value: unknown): void {
  if (typeof value !== 'object' || value === null || !('then' in value)) return;
  Promise.resolve(value).catch(() => undefined);
}
