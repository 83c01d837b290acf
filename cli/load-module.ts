import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createJiti } from 'jiti';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';

const moduleName = /\.[cm]?[jt]s$/;

/** The public entries that a job file may import. */
const entries = [
  'holdfast',
  'holdfast/client',
  'holdfast/testing',
  'holdfast/worker',
  'holdfast/workflows',
  'holdfast/workflows/register',
] as const;

/**
 * Loads a user's file: TypeScript of any kind (also enums and imports without an extension), ESM or CommonJS, whatever
 * its package says. Its `holdfast` is this very copy of the package, also where none is installed beside the file.
 * Resolves to what it exports.
 *
 * @throws `HF_FILE_MISSING`, `HF_FILE_NOT_A_MODULE`; an error of Holdfast that the file's own code meets is passed on.
 * @example
 * const { default: job } = await loadModule('enrich.ts');
 */
export async function loadModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  const file = resolve(path);
  checkFile(path, file);
  try {
    const jiti = createJiti(file, { fsCache: false, interopDefault: false, virtualModules: ownEntries() });
    const exported = await jiti.import<Record<string, unknown>>(file);
    return 'default' in exported ? { ...exported, default: defaultOf(exported) } : { ...exported };
  } catch (error) {
    if (isHoldfastError(error)) throw error;
    throw new HoldfastError('HF_FILE_NOT_A_MODULE', { file: path, reason: reasonOf(error, file) }, { cause: error });
  }
}

function checkFile(path: string, file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw new HoldfastError('HF_FILE_MISSING', { file: path });
  if (stat.isDirectory()) throw new HoldfastError('HF_FILE_NOT_A_MODULE', { file: path, reason: 'it is a directory' });
  if (!moduleName.test(file)) {
    const reason = 'its name does not end in .ts, .mts, .cts, .js, .mjs or .cjs';
    throw new HoldfastError('HF_FILE_NOT_A_MODULE', { file: path, reason });
  }
}

/** `require` of an ES module gives the instance that `import` gives; a getter, so that only what is asked for is loaded. */
function ownEntries(): Record<string, unknown> {
  const require = createRequire(import.meta.url);
  const own = {};
  for (const name of entries) Object.defineProperty(own, name, { get: () => require(name), enumerable: true });
  return own;
}

/** To Node the default export of a CommonJS file is all that it exports: the one that was meant is one level down. */
function defaultOf(exported: Readonly<Record<string, unknown>>): unknown {
  const outer = exported['default'];
  if (typeof outer !== 'object' || outer === null || !Object.hasOwn(outer, 'default')) return outer;
  const isCommonJs = 'module.exports' in exported || Object.hasOwn(outer, '__esModule');
  return isCommonJs ? (outer as { readonly default: unknown }).default : outer;
}

/** The message with the place in a user's file, where the error knows it. */
function reasonOf(error: unknown, file: string): string {
  if (!(error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error))) {
    return `it threw ${String(error)}`;
  }
  const lines = String(error.message).split('\n');
  const message = lines.map((line) => line.trim()).filter((line) => line !== '' && !/^(Require stack|- )/.test(line));
  const stack = 'stack' in error ? String(error.stack) : '';
  const place = stack.split('\n').find((line) => line.trimStart().startsWith('at ') && line.includes(file));
  const where = /\(?((?:\/|[A-Z]:\\)[^()]*:\d+:\d+)\)?$/.exec(place ?? '')?.[1];
  return message.slice(0, 2).join(' ') + (where === undefined ? '' : ` (at ${where})`);
}
