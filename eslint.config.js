import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Modules that do I/O, keep time or draw random numbers: forbidden in the pure folders. */
const impureModules = [
  'got',
  'winston',
  'prom-client',
  'p-queue',
  'node:fs',
  'node:fs/promises',
  'node:http',
  'node:https',
  'node:net',
  'node:tls',
  'node:child_process',
  'node:timers',
  'node:timers/promises',
  'node:process',
];

/** Purity is a property of a folder. */
const pureFolders = [
  'src/haproxy',
  'src/desired',
  'src/diff',
  'src/plans',
  'src/lint',
  'src/observe/nomad/answers',
  'src/observe/catalog/model',
  'src/observe/probe/model',
  'src/actual/normalise',
  'src/apply/render',
  'src/explain',
  'src/server/status/model',
  'src/server/status/render',
  'src/doctor/checks',
  'src/doctor/model',
  'src/doctor/print',
];

const impureMessage =
  'This folder is pure: it does no I/O, and takes time and randomness as arguments.';

const apart = 'The desired and the actual state share src/haproxy, and know nothing of each other.';
const strangers = {
  'src/desired': [{ group: ['**/actual/**'], message: apart }],
  'src/actual': [{ group: ['**/desired/**'], message: apart }],
  'src/actual/normalise': [{ group: ['**/desired/**'], message: apart }],
};

export default tseslint.config(
  {
    ignores: [
      'dist',
      'coverage',
      '.cache',
      'bench/results',
      'fixtures/recorded',
      'fixtures/dataplane/**/*.{go,mod,sum,json}',
      'eslint.config.js',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use a union of string literals.' },
        { selector: 'ExportDefaultDeclaration', message: 'Use named exports.' },
        {
          selector:
            ':matches(PropertyDefinition, MethodDefinition[kind!="constructor"], TSParameterProperty)[accessibility="private"]',
          message: 'Private members are #name.',
        },
      ],
      eqeqeq: ['error', 'always'],
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'variable',
          modifiers: ['const'],
          format: ['camelCase', 'PascalCase'],
          leadingUnderscore: 'allow',
          trailingUnderscore: 'allow',
          // `http_front` names a frontend, `_` nothing.
          filter: { regex: '^[a-z_]+$', match: false },
        },
        { selector: 'variable', modifiers: ['destructured'], format: null },
        { selector: 'typeLike', format: ['PascalCase'] },
      ],
    },
  },
  {
    files: ['src/actual/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: strangers['src/actual'] }] },
  },
  ...pureFolders.map((folder) => ({
    files: [`${folder}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: impureModules.map((name) => ({ name, message: impureMessage })),
          patterns: strangers[folder] ?? [],
        },
      ],
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'fetch', 'process', 'performance'].map((name) => ({
          name,
          message: impureMessage,
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: impureMessage },
        { object: 'Math', property: 'random', message: impureMessage },
      ],
    },
  })),
  {
    // Scripts that run before the packages are there, or that other programs load.
    files: ['**/*.{js,cjs,mjs}'],
    ...tseslint.configs.disableTypeChecked,
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { globals: { require: 'readonly', module: 'writable', process: 'readonly' } },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // Runs in browsers.
    files: ['src/server/status/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          ...['document', 'location', 'history', 'Node', 'EventSource', 'DOMParser', 'FormData'],
          ...['URL', 'URLSearchParams', 'fetch', 'setTimeout', 'clearTimeout', 'setInterval'],
          'clearInterval',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    // chai's assertions are expressions, and mocha's tests read better with loose returns.
    files: ['test/**/*.ts', 'e2e/**/*.ts', 'fixtures/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
);
