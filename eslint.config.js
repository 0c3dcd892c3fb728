// neostandard's style, typescript-eslint's type-aware rules on top: a forgotten await is a lost message here.
import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

const pageGlobals = Object.fromEntries(
  ['window', 'document', 'EventSource', 'matchMedia', 'localStorage'].map(name => [name, 'readonly'])
)

export default [
  { ignores: ['build/', 'node_modules/', '.tap/', '.iris/', 'openapi/'] },
  ...neostandard({ ts: true, env: ['node'] }),
  // what cannot be broken, an address or a regular expression, may be longer; test/store/scripts.test.ts holds Lua to the same
  { rules: { '@stylistic/max-len': ['error', { code: 140, ignoreUrls: true, ignoreRegExpLiterals: true }] } },
  ...tseslint.configs.recommendedTypeChecked.map(config => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/require-await': 'off',
      // factories return plain objects of closures: no method here has a `this` to lose
      '@typescript-eslint/unbound-method': 'off',
      // `void` marks a promise that is meant to run by itself
      'no-void': 'off',
      // a schema and the type computed from it share a name
      'no-redeclare': 'off',
      '@typescript-eslint/no-redeclare': 'off'
    }
  },
  {
    files: ['src/{store,fanout,hub,stream,presence,webhooks,health,commands,server-api,transports,plugins}/**/*.ts'],
    ignores: ['src/store/redis/hash.ts'],
    rules: {
      'no-restricted-syntax': ['error',
        {
          selector: "CallExpression[callee.property.name='hgetall']",
          message: 'Names from the wire are no properties: read a hash by hashOf (store/redis/hash.ts), as a Map.'
        },
        {
          selector: "VariableDeclarator[id.typeAnnotation.typeAnnotation.typeName.name='Record']" +
            "[init.type='ObjectExpression'][init.properties.length=0]",
          message: 'An object that is filled by name is a Map here: it would know `toString` from birth.'
        }
      ]
    }
  },
  // tap runs subtests in order whether they are awaited or not
  { files: ['test/**/*.test.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off' } },
  { files: ['src/page/**/*.js'], languageOptions: { globals: pageGlobals } }
]
