import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['**/dist/**', '**/generated/**', '**/node_modules/**', '.baton/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Ports and adapters are async by contract even where one implementation has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Indexing is checked by noUncheckedIndexedAccess; in numeric loops over typed arrays `!` states a proven bound.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Loops over typed arrays read better with their index.
      '@typescript-eslint/prefer-for-of': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  // What a person runs prints to the terminal.
  { files: ['apps/cli/**', 'scripts/**', 'bench/**', 'test/verify/**'], rules: { 'no-console': 'off' } },
)
