// `node --import ./scripts/source-loader.mjs`: `holdfast` and its subpaths mean the sources, so that examples, tests and
// the command run without a build. For `import` and `require` alike, wherever the importing file lies.
import { registerHooks } from 'node:module';
import { entries } from './entries.mjs';

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (!Object.hasOwn(entries, specifier)) return nextResolve(specifier, context);
    const { href } = new URL(`../${entries[specifier]}`, import.meta.url);
    return { url: href, format: 'module-typescript', shortCircuit: true };
  },
});
