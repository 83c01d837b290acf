/** Numbers and times as people read them. */

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 item`, `2,000 items`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  const rest = Math.floor(seconds % 60);
  if (seconds < 600) return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const over = minutes % 60;
  return hours < 48 ? `${hours} h${over === 0 ? '' : ` ${over} min`}` : `${Math.round(hours / 24)} days`;
}

export function rate(perSecond: number): string {
  return `${perSecond < 10 ? Number(perSecond.toFixed(1)) : count(Math.round(perSecond))}/s`;
}

/** Bytes, by thousands. */
export function size(bytes: number): string {
  if (bytes < 1_000) return counted(bytes, 'byte');
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1_000;
  let unit = 0;
  // What would round up to a thousand is one of the next unit.
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1_000;
  return `${value < 9.95 ? value.toFixed(1) : count(Math.round(value))} ${units[unit]}`;
}

/** A text in one line of at most so many characters. */
export function cut(text: string, charsMax: number): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= charsMax ? line : `${line.slice(0, charsMax - 1)}…`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return '0%';
  const share = Math.min(1, part / whole) * 100;
  return `${share > 99.9 && share < 100 ? '99.9' : share.toFixed(share < 10 || share > 99 ? 1 : 0).replace(/\.0$/, '')}%`;
}

/** A time in the local zone, to the second. */
export function time(ms: number): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A word as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
