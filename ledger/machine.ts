import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * This machine as leases name it: the host's name, and on Linux the kernel's boot, which containers of one machine share while
 * their host names differ.
 */
export function thisMachine(): string {
  return `${hostname()}/${bootId() ?? hostname()}`;
}

export function isThisMachine(machine: string): boolean {
  return machine.slice(machine.indexOf('/')) === thisMachine().slice(thisMachine().indexOf('/'));
}

/** The name of a machine as a person knows it. */
export function hostOf(machine: string): string {
  return machine.slice(0, machine.indexOf('/'));
}

function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
