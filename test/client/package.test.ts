// The client as the package offers it: one module that fits into a page, found by its name, its types beside it.
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'

/** What it may weigh in a page, gzipped. */
const MAX_BYTES = 12_288

const root = new URL('../../../', import.meta.url)
const folder = new URL('build/client/', root)
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { exports: Record<string, Record<string, string>> }

t.test('it is one module without imports, and small', async t => {
  const code = readFileSync(new URL('index.js', folder))
  t.notMatch(code.toString(), /\b(?:import|require)\s*[('"{]/)
  t.ok(gzipSync(code, { level: 9 }).length <= MAX_BYTES, `${gzipSync(code, { level: 9 }).length} bytes gzipped, ${MAX_BYTES} at most`)
})

t.test('it is found by its name', async t => {
  const name = 'iris-gateway/client'
  const found = await import(name) as Record<string, unknown>
  t.same(Object.keys(found).sort(), ['IrisError', 'connect'])
  for (const file of Object.values(exports['./client'] ?? {})) t.ok(readFileSync(new URL(file, root)).length > 0, file)
})

t.test('its types lean on nothing but themselves', async t => {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.d.ts'))
  t.ok(names.includes('index.d.ts'))
  for (const name of names) {
    for (const [, from = ''] of readFileSync(new URL(name, folder), 'utf8').matchAll(/from '([^']+)'/g)) {
      t.ok(names.includes(posix.join(posix.dirname(name), from).replace(/js$/, 'd.ts')), `${name}: ${from}`)
    }
  }
})
