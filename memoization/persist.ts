import type { AskAgain } from './memoization.ts';

/** Asks until it goes well, or not again. */
export async function persist<T>(ask: () => Promise<T>, again: AskAgain): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!again(error)) throw error;
    }
  }
}
