import { describe, expect, test } from '@jest/globals';
import { parseDatabaseUrl, withoutPassword } from '../../../database/url.ts';

const parse = (url: string): string => parseDatabaseUrl(url, '/srv/job').path;

describe('a database URL', () => {
  test('with a relative path is relative to the directory given', () => {
    expect(parse('sqlite:orders.db')).toBe('/srv/job/orders.db');
    expect(parse('sqlite:./data/../orders.db')).toBe('/srv/job/orders.db');
  });

  test('with an absolute path is taken as it is, with or without an empty host', () => {
    expect(parse('sqlite:/data/orders.db')).toBe('/data/orders.db');
    expect(parse('sqlite:///data/orders.db')).toBe('/data/orders.db');
  });

  test('takes the path literally', () => {
    expect(parse('sqlite:/data/50%20off?.db')).toBe('/data/50%20off?.db');
  });

  test('comes back absolute, and reads the same again', () => {
    const { url } = parseDatabaseUrl('sqlite:orders.db', '/srv/job');
    expect(parseDatabaseUrl(url, '/elsewhere').url).toBe(url);
  });

  test.each(['orders.db', 'mysql://host/db', 'sqlite:', 'sqlite::memory:', 'sqlite://host/a.db', ''])(
    '%j is refused',
    (url) => {
      expect(() => parse(url)).toThrow(expect.objectContaining({ code: 'HF_DATABASE_URL' }));
    },
  );

  test('of PostgreSQL is refused as not in this version, without showing its password', () => {
    expect(() => parse('postgres://me:secret@host/db')).toThrow(
      /postgres:\/\/me@host\/db \(PostgreSQL, not in this version\)/,
    );
    expect(withoutPassword('postgresql://me:secret@host/db')).toBe('postgresql://me@host/db');
  });
});
