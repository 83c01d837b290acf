import { isAbsolute, resolve } from 'node:path';
import { HoldfastError } from '../definitions/errors.ts';

/** A database URL taken apart. */
export interface DatabaseUrl {
  readonly dialect: 'sqlite';
  /** Absolute path of the file. */
  readonly path: string;
  /** The URL with its path made absolute: the same file, from every working directory. */
  readonly url: string;
}

/**
 * Reads `sqlite:orders.db`, `sqlite:/srv/orders.db` and `sqlite:///srv/orders.db`; a relative path is relative to
 * `directory`. The path is taken literally: no percent decoding, no `?options`.
 *
 * Throws HF_DATABASE_URL for anything else.
 */
export function parseDatabaseUrl(url: string, directory: string): DatabaseUrl {
  const shown = withoutPassword(url);
  if (/^postgres(ql)?:/i.test(url))
    throw new HoldfastError('HF_DATABASE_URL', { url: `${shown} (PostgreSQL, not in this version)` });
  const rest = /^sqlite:(.*)$/is.exec(url)?.[1];
  if (rest === undefined) throw new HoldfastError('HF_DATABASE_URL', { url: shown });
  const path = stripAuthority(rest);
  // A database in memory dies with the process, and with it every record of what has landed.
  if (path === '' || path === null || path.startsWith(':memory:'))
    throw new HoldfastError('HF_DATABASE_URL', { url: shown });
  const absolute = isAbsolute(path) ? resolve(path) : resolve(directory, path);
  return { dialect: 'sqlite', path: absolute, url: `sqlite:${absolute}` };
}

/** `///srv/a.db` is `/srv/a.db`, `///C:/a.db` is `C:/a.db`; `//host/a.db` names a host, which no file has: null. */
function stripAuthority(rest: string): string | null {
  if (!rest.startsWith('//')) return rest;
  if (!rest.startsWith('///')) return null;
  return /^\/\/\/[a-z]:[\\/]/i.test(rest) ? rest.slice(3) : rest.slice(2);
}

/** A URL as it may be shown and stored. */
export function withoutPassword(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):[^@/]*@/i, '$1@');
}
