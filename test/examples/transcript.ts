/** Volatile parts of an output. `<name>` with any other name is a number: the same wherever the name stands. */
const placeholders: Readonly<Record<string, string>> = {
  address: '127\\.0\\.0\\.1:\\d+',
  directory: '/\\S+?',
  duration: '[\\d.]+ (?:ms|s|min|h|days)(?: \\d+ (?:s|min))?',
  hash: '[0-9a-f]{8,64}',
  how: '\\(embedded(?:, started)?\\)',
  rate: '[\\d.,]+/s',
  time: '\\d{4}-\\d\\d-\\d\\d[ T]\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+Z)?',
};

export interface Matched {
  /** What was printed, with each line that fits the expected one put as that one. */
  readonly text: string;
  /** What the numbers stood for. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** Compares line by line, so that what differs is seen beside what was expected. */
export function matchTranscript(printed: string, expected: string): Matched {
  const numbers: Record<string, number> = {};
  const wanted = expected.split('\n');
  const lines = printed.split('\n').map((line, at) => {
    const pattern = wanted[at] ?? '';
    const match = new RegExp(`^${asExpression(pattern)}$`).exec(line);
    if (match === null) return line;
    const found = Object.entries(match.groups ?? {}).map(
      ([name, digits]) => [name, Number(digits.replaceAll(',', ''))] as const,
    );
    if (found.some(([name, value]) => (numbers[name] ?? value) !== value)) return line;
    Object.assign(numbers, Object.fromEntries(found));
    return pattern;
  });
  return { text: lines.join('\n'), numbers };
}

function asExpression(line: string): string {
  const named = new Set<string>();
  return line
    .split(/<([a-z]+)>/)
    .map((part, at) => {
      if (at % 2 === 0) return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/ {2,}/g, ' {2,}');
      const known = placeholders[part];
      if (known !== undefined) return known;
      if (named.has(part)) return `\\k<${part}>`;
      named.add(part);
      return `(?<${part}>[\\d,]+)`;
    })
    .join('');
}
