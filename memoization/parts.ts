import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Characters of a part that are kept as they are. */
const PART_CHARS_MAX = 80;
const CUT_CHARS = 60;
/** Parts of one key that are kept one by one; the rest is one part. */
const PARTS_MAX = 64;
const REST = '…';
const TAG = '$hf';

export type Parts = Readonly<Record<string, string>>;

/**
 * The value of a key part by part, for explaining a later miss: members of an object by name, of an array as `[0]`, `[1]`; any
 * other value is the one part `$`.
 *
 * @param value canonical JSON
 * @param hide whether only hashes are told
 */
export function describeParts(value: string, hide: boolean): Parts {
  const parts: [string, string][] = [];
  const members = membersOf(JSON.parse(value));
  if (members === null) return { $: describePart(value, hide) };
  for (const [name, member] of members.slice(0, PARTS_MAX)) {
    parts.push([cut(name), describePart(textOf(member), hide)]);
  }
  if (members.length > PARTS_MAX) {
    parts.push([REST, describePart(textOf(members.slice(PARTS_MAX)), true)]);
  }
  return Object.fromEntries(parts);
}

/** How one part is told: as it is where it is short, else its beginning and a hash of all of it. */
function describePart(text: string, hide: boolean): string {
  if (hide) return `#${shortHash(text)}`;
  return cut(text);
}

function cut(text: string): string {
  if (text.length <= PART_CHARS_MAX) return text;
  return `${text.slice(0, CUT_CHARS).toWellFormed()}…#${shortHash(text)}`;
}

const shortHash = (text: string): string => hash('sha256', text, 'hex').slice(0, 8);

/** Canonical JSON; what is no object is the same in any JSON. */
const textOf = (value: unknown): string =>
  (typeof value === 'object' ? canonicalize(value) : JSON.stringify(value)) ?? '';

function membersOf(value: unknown): readonly (readonly [string, unknown])[] | null {
  if (Array.isArray(value)) return value.map((item, n) => [`[${n}]`, item] as const);
  if (typeof value !== 'object' || value === null) return null;
  const members = Object.entries(value);
  const only = members.length === 1 ? members[0] : undefined;
  if (only === undefined || only[0] !== TAG) return members;
  // A date, a bigint and so on; or a user's own object of that shape, which the encoding sets apart.
  const [kind, inner] = only[1] as readonly unknown[];
  return kind === 'object' ? [[TAG, inner]] : null;
}
