/**
 * The worker needs the map for stack traces, but not the sources in it (four fifths of the bundle), nor where on the
 * machine of the build they were.
 */
export function withSlimSourceMap(code: string, root: string): string {
  const marker = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const at = code.lastIndexOf(marker);
  if (at < 0)
    throw new Error('The workflow bundle has no source map: the SDK makes it in another way than this script knows');
  const map = JSON.parse(Buffer.from(code.slice(at + marker.length), 'base64').toString('utf8')) as {
    readonly sources: readonly string[];
    readonly sourcesContent?: readonly string[];
  };
  const { sourcesContent: _, ...slim } = map;
  const sources = map.sources.map((source) => source.replace(root, '').replace(/^(webpack:\/\/)?\/+/, ''));
  const text = JSON.stringify({ ...slim, sources });
  return `${code.slice(0, at).replaceAll(root, '')}${marker}${Buffer.from(text).toString('base64')}\n`;
}
