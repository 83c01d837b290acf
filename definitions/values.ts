export function encodeValue(value: unknown): string {
  return JSON.stringify(value);
}
