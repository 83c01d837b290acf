/** Rows as lines with their columns aligned; columns of numbers to the right. */
export function alignRows(rows: readonly (readonly string[])[]): readonly string[] {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const numeric = head.map((_, column) => body.length > 0 && body.every((row) => /^[\d,.]+$/.test(row[column] ?? '')));
  return rows.map((row) =>
    row
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
