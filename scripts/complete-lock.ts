// Completes package-lock.json. A registry mirror that lacks the builds for other platforms leaves them out of the lock
// file, and `npm ci` then refuses it everywhere. Each such build is a leaf: its version stands in its parent, its
// platform in its name. Run after every change of dependencies: `npm run lock`.
import { readFileSync, writeFileSync } from 'node:fs';

interface LockedPackage {
  readonly version: string;
  readonly dev?: boolean;
  resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
interface LockFile {
  packages: Record<string, LockedPackage>;
}

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8')) as LockFile;

let added = 0;
for (const [path, parent] of Object.entries(lock.packages)) {
  delete parent.resolved;
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (isLocked(path, name)) continue;
    lock.packages[`node_modules/${name}`] = platformBuild(name, version, parent);
    added += 1;
  }
}
const [root, ...others] = Object.entries(lock.packages);
if (root === undefined) throw new Error('package-lock.json has no packages');
others.sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries([root, ...others]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} builds for other platforms added`);

function isLocked(from: string, name: string): boolean {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    if (lock.packages[`${base === '' ? '' : `${base}/`}node_modules/${name}`] !== undefined) return true;
    if (base === '') return false;
  }
}

function platformBuild(name: string, version: string, parent: LockedPackage): LockedPackage & Record<string, unknown> {
  const parts = name.split(/[-/]/);
  const at = parts.findIndex((part) => systems.includes(part));
  const [os, cpu, abi = ''] = parts.slice(at);
  if (at < 0 || os === undefined || cpu === undefined || !/^\d/.test(version)) {
    throw new Error(`${name}@${version} is not locked and its name does not tell its platform: run npm install again`);
  }
  const libc = abi.startsWith('musl') ? ['musl'] : os === 'linux' && abi.startsWith('gnu') ? ['glibc'] : undefined;
  return {
    version,
    cpu: [cpu],
    ...(parent.dev === undefined ? {} : { dev: parent.dev }),
    ...(libc === undefined ? {} : { libc }),
    optional: true,
    os: [os],
  };
}
