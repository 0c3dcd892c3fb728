// docs/architecture.md against the code: its floors are those that imports are held to, and files that it names are there.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${root}docs/architecture.md`, 'utf8')

t.test('its floors are those of the test of imports', async t => {
  const [, table = ''] = /const floors[^{]*\{([^}]*)\}/.exec(readFileSync(`${root}test/architecture.test.ts`, 'utf8')) ?? []
  const held = [...table.matchAll(/(?:'([^']*)'|(\w+)): ([\d.]+)/g)].map(([, quoted, bare, floor]) => `${floor} ${quoted ?? bare}`)
  const told = page.split('\n').flatMap(line => {
    const [, floor, folders = ''] = /^\| (\d[\d.]*) \| ([^|]*) \|/.exec(line) ?? []
    if (floor === undefined) return []
    return [...folders.matchAll(/`([^`]*)`/g)].map(([, name = '']) => `${floor} ${name.replace(/\/(\*\.ts)?$/, '').replace(/^src$/, '')}`)
  })
  t.ok(told.length > 5)
  t.strictSame(told.sort(), held.sort())
})

t.test('every file that it names is there', async t => {
  const named = new Set([...page.matchAll(/(?<![\w/.-])(?:[a-z-]+\/)+[\w-]+\.(?:ts|lua)/g)].map(([name]) => name))
  t.ok(named.size > 20)
  for (const name of named) t.ok(['', 'src/', 'src/store/script/'].some(place => existsSync(root + place + name)), name)
})
