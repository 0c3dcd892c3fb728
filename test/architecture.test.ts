// The floors: imports point down, never up, never sideways between folders of one floor. docs/architecture.md, "Floors".
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const src = fileURLToPath(new URL('../../src/', import.meta.url))
const floors: Record<string, number> = {
  protocol: 0,
  'client/base': 0.5,
  'client/line': 0.6,
  'client/terminal': 0.6,
  'client/tabs': 0.7,
  client: 0.8,
  store: 1,
  'store/redis': 1.1,
  'store/script': 1.2,
  'store/embedded': 1.3,
  'store/life': 1.3,
  'store/access': 1.4,
  'store/once': 1.4,
  'store/conversation': 1.5,
  'store/user': 1.6,
  'store/webhook': 1.7,
  documents: 2,
  health: 2,
  presence: 3,
  webhooks: 3.5,
  stream: 4,
  hub: 5,
  fanout: 6,
  commands: 7,
  'server-api': 7,
  transports: 8,
  plugins: 8,
  '': 9,
  cli: 10,
  'server.ts': 11
}
/** Who may know a library. */
const reserved: Record<string, string[]> = {
  ioredis: ['store'],
  fastify: ['transports', 'plugins', ''],
  ajv: ['commands'],
  jose: ['plugins'],
  'cluster-key-slot': ['store'],
  'ipaddr.js': ['webhooks'],
  standardwebhooks: ['webhooks'],
  undici: ['webhooks']
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
/** Where a file stands: its folder, but for the entry. */
const folderOf = (file: string) => file in floors ? file : dirname(file) === '.' ? '' : dirname(file)
/** What a file imports, in whatever form: `from '...'`, `import '...'`, `import('...')`. */
const importsOf = (file: string) =>
  [...readFileSync(join(src, file), 'utf8').matchAll(/\b(?:from|import) ?\(?'([^']+)'/g)].map(found => found[1] as string)

for (const file of files) {
  t.test(`${file} keeps to its floor`, async t => {
    const folder = folderOf(file)
    const floor = floors[folder]
    t.not(floor, undefined, 'its folder is one of the product\'s words')
    const isClient = folder.split('/')[0] === 'client'
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) {
        const target = folderOf(normalize(join(dirname(file), name)))
        // configuration stands on top, but its type is what plugins are configured by
        const isType = new RegExp(`import type [^\\n]* from '${name.replaceAll('.', '\\.')}'`).test(readFileSync(join(src, file), 'utf8'))
        // it runs in other people's pages
        if (isClient) t.match(target, /^client/, `${name} is its own`)
        t.ok(target === folder || (floors[target] ?? Infinity) < (floor ?? 0) || (isType && name === '../config.js'), `${name} is below`)
      } else {
        const owners = reserved[name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : name.split('/')[0] as string]
        t.ok(!owners || owners.includes(folder.split('/')[0] as string), `${name} may be known here`)
        if (folder === 'protocol') t.equal(name, '@sinclair/typebox')
        t.notOk(isClient, `${name} is a dependency`)
      }
    }
    t.ok(readFileSync(join(src, file), 'utf8').split('\n').length <= 201, 'at most 200 lines')
    t.match(readFileSync(join(src, file), 'utf8'), /^\/\/ \S/, 'its first line says what it is')
  })
}

t.test('imports make no cycle', async t => {
  const state = new Map<string, 'open' | 'done'>()
  function visit (file: string, path: string[]): void {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') return void t.fail([...path, file].join(' -> '))
    state.set(file, 'open')
    for (const name of importsOf(file).filter(name => name.startsWith('.'))) {
      visit(normalize(join(dirname(file), name)).replace(/\.js$/, '.ts'), [...path, file])
    }
    state.set(file, 'done')
  }
  for (const file of files) visit(file, [])
  t.pass('walked')
})
