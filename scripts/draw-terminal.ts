const fontSize = 13;
/** Of an em, in the common monospaced fonts; `textLength` holds the others to it. */
const advance = 0.602;
const lineHeight = 20;
const padding = 16;
const bar = 34;

/** An SVG picture of a terminal that shows these lines. */
export function drawTerminal(lines: readonly string[]): string {
  const longest = Math.max(...lines.map((line) => line.length));
  const width = Math.ceil(longest * fontSize * advance) + 2 * padding;
  const height = bar + lines.length * lineHeight + padding + 4;
  const rows = lines.map((line, at) => drawLine(line, bar + (at + 1) * lineHeight)).filter((row) => row !== '');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A terminal in which a job is killed and run again">
<!-- Drawn by scripts/record-terminal.ts from a real run: do not edit. -->
<style>
text { font: ${fontSize}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d0d7de; white-space: pre; }
.command { fill: #ffffff; font-weight: bold; }
.killed { fill: #ff7b72; font-weight: bold; }
.end { fill: #7ee787; }
.bar { fill: #79c0ff; }
</style>
<rect width="${width}" height="${height}" rx="8" fill="#161b22"/>
<circle cx="20" cy="18" r="6" fill="#ff5f57"/><circle cx="40" cy="18" r="6" fill="#febc2e"/><circle cx="60" cy="18" r="6" fill="#28c840"/>
${rows.join('\n')}
</svg>
`;
}

function drawLine(line: string, y: number): string {
  if (line === '') return '';
  const length = (line.length * fontSize * advance).toFixed(1);
  const kind = kindOf(line);
  const kindAttribute = kind === null ? '' : ` class="${kind}"`;
  return `<text x="${padding}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${kindAttribute}>${paintText(line)}</text>`;
}

function kindOf(line: string): string | null {
  if (line.startsWith('$ ')) return 'command';
  if (/^(complete|partial|failed):/.test(line)) return 'end';
  return /[█░]/.test(line) ? 'bar' : null;
}

/** What the shell says of a killed process stands where the cursor was left: at the end of the progress bar. */
function paintText(line: string): string {
  return escapeText(line).replace(/Killed$/, '<tspan class="killed">Killed</tspan>');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
