/** Says at the top of a page that it is not written by hand. */
export function generated(from: string): string {
  return `<!-- Written by scripts/write-reference.ts from ${from}: do not edit. -->`;
}
