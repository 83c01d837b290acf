import type { Log } from '../activities/dependencies.ts';
import { nearest } from '../definitions/check-options.ts';

/** What one plugin memoizes, and every activity that Workers with it have: one plugin may serve several Workers. */
export class RegisteredActivities {
  readonly #names = new Set<string>();
  readonly #warned = new Set<string>();

  /** A Worker's, when it is made. */
  add(activities: object | undefined): void {
    for (const name of Object.keys(activities ?? {})) this.#names.add(name);
  }

  /**
   * Warns, once a name, of what is to be memoized and is no activity of any Worker with the plugin: most likely a typing error,
   * which would show by nothing but repeated calls. Call it when a Worker runs: by then mostly all have been made.
   */
  warnOfMissing(memoized: Iterable<string>, activities: ReadonlyMap<string, unknown>, log: Log): void {
    this.add(Object.fromEntries(activities));
    // It takes activities of any name.
    if (this.#names.has('default')) return;
    for (const name of memoized) {
      if (this.#names.has(name) || this.#warned.has(name)) continue;
      this.#warned.add(name);
      const near = nearest(name, [...this.#names]);
      log.warn(
        `memoizeActivities.${name} memoizes nothing: no Worker with this plugin has an activity of that name${near === null ? '' : ` (did you mean ${near}?)`}.`,
      );
    }
  }
}
