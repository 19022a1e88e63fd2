import eslint from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const noFloat = {
  selector: "CallExpression[callee.name='Number'][arguments.0.name=/[aA]mount|[mM]inor|[bB]alance/]",
  message: 'An amount of money is a bigint from end to end.',
}

export default defineConfig(
  { ignores: ['dist/', 'gen/', 'node_modules/', '.paymesh*/', '.tools/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'no-restricted-syntax': [
        'error',
        noFloat,
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
      ],
      eqeqeq: 'error',
      'max-lines': ['error', 500],
      'max-lines-per-function': ['error', { max: 70, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    // A suite is one long function by nature, and a test may reach for what it knows is there.
    files: ['**/*.test.ts', '**/test/**/*.ts', 'services/e2e/**/*.ts'],
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
)
