// The headers of the Lua files against the wrappers that call them. docs/architecture.md, "Lua".
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import '../../src/gateway.js'
import { definedScripts, EVERYWHERE } from '../../src/store/script/scripts.js'

const directory = new URL('../../src/store/script/lua/', import.meta.url)
const header = (text: string, word: string) =>
  new RegExp(`^-- ${word} (.*)$`, 'm').exec(text)?.[1]?.replaceAll(/\([^)]*\)/g, '').split(' ') ?? []

for (const file of readdirSync(directory)) {
  t.test(`${file}: purpose, KEYS, ARGV and RETURNS stand in its header, and are what its wrapper passes`, async t => {
    const lines = readFileSync(new URL(file, directory), 'utf8')
    const text = lines.replaceAll('\n--   ', ' ') // a part of the header that goes on
    const name = file.replace('.lua', '')
    t.match(text.split('\n')[0], new RegExp(`^-- ${file} - `))
    t.ok(lines.split('\n').length <= 61, 'at most 60 lines')
    t.same(lines.split('\n').filter(line => line.length > 140), [], 'of at most 140 characters, as eslint.config.js has it')
    const facts = definedScripts.get(name)
    const isPrelude = EVERYWHERE.includes(name) || [...definedScripts.values()].some(({ preludes = [] }) => preludes.includes(name))
    t.ok(facts ?? isPrelude, 'somebody uses it')
    if (!facts) return
    t.same(header(text, 'KEYS'), facts.keys)
    t.same(header(text, 'ARGV'), facts.args)
    t.equal(header(text, 'FULL')[0], facts.full, 'what becomes of it when Redis is full [STORE-2]')
    t.ok(header(text, 'RETURNS').length > 0)
    t.same(/^-- USES ([a-z ]+)/m.exec(text)?.[1]?.trim().split(' ') ?? [], facts.preludes ?? [])
  })
}
