// `node --import ./scripts/source-loader.mjs`: `holdfast` and its subpaths mean the sources, so that examples, tests and
// the command run without a build. For `import` and `require` alike, wherever the importing file lies.
import { registerHooks } from 'node:module';
import { entries } from './entries.mjs';

registerHooks({
  resolve(specifier, context, nextResolve) {
    const source = Object.hasOwn(entries, specifier) ? entries[specifier] : undefined;
    return nextResolve(source === undefined ? specifier : new URL(`../${source}`, import.meta.url).href, context);
  },
});
