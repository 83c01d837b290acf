import { format } from 'node:util';
import { currentCaller } from './caller.ts';

const METHODS = ['debug', 'log', 'info', 'warn', 'error'] as const;
let installed = false;

/** From now on `console.log` and the like go to the log of the caller, where it has one; elsewhere they do what they did. */
export function takeConsole(): void {
  if (installed) return;
  installed = true;
  for (const method of METHODS) {
    const original = console[method].bind(console);
    console[method] = (...args: unknown[]) => {
      const log = currentCaller()?.console;
      if (!log) return original(...args);
      log[method === 'log' ? 'info' : method](format(...args));
    };
  }
}
