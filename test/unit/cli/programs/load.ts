// Loads the file that is named and tells, as JSON, what it exports.
import { HoldfastError, isHoldfastError } from 'holdfast';
import { loadModule } from '../../../../cli/load-module.ts';

try {
  const loaded = await loadModule(process.argv[2] ?? '');
  const { run, error } = loaded;
  console.log(
    JSON.stringify({
      exports: Object.keys(loaded).filter((name) => !['__esModule', 'module.exports'].includes(name)),
      default: loaded['default'],
      ...(error === undefined ? {} : { sameCopy: error === HoldfastError }),
      ...(typeof run === 'function' ? { stack: stackOf(run as () => void) } : {}),
    }),
  );
} catch (error) {
  if (!isHoldfastError(error)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}

function stackOf(run: () => void): string {
  try {
    run();
    return '';
  } catch (error) {
    return String((error as Error).stack);
  }
}
