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

/** What a file defines for all that stands behind it, in preludes and in the script. */
const definedBy = (name: string) => {
  const found = readFileSync(new URL(`${name}.lua`, directory), 'utf8').matchAll(/^local (?:function (\w+)|([\w, ]+?) *(?==|$))/gm)
  return [...found].flatMap(([, one, several = '']) => one ?? several.split(', '))
}
const preludes = new Set([...EVERYWHERE, ...[...definedScripts.values()].flatMap(({ preludes = [] }) => preludes)])

t.test('no two preludes define one name, so that whichever are composed, none is hidden by another', async t => {
  const all = [...preludes].flatMap(prelude => definedBy(prelude).map(name => ({ name, prelude })))
  t.ok(all.length > 100)
  const of = Map.groupBy(all, ({ name }) => name)
  for (const [name, places] of of) t.equal(places.length, 1, `${name} of ${places.map(({ prelude }) => prelude).join(' and ')}`)
})

for (const [script, facts] of definedScripts) {
  t.test(`${script} hides no name of its preludes`, async t => {
    const known = [...EVERYWHERE, ...facts.preludes ?? []].flatMap(definedBy)
    t.same(definedBy(script).filter((name, i, own) => known.includes(name) || own.indexOf(name) !== i), [])
  })
}

/** What would have to be changed in many places at once, were it not said once. */
const saidOnce: [what: string, pattern: RegExp, file: string][] = [
  ['a whole number becomes text', /format\('%(?:d|\.0f)'/, 'numbers.lua'],
  ['what time it is', /'TIME'/, 'numbers.lua'],
  ['the row of a member is read', /'\^\(*%a\+\)? /, 'member.lua'],
  ['the key of kicks is made', /'[^'\n]*SYSTEM_INSTRUCT_USER_KICK[:']/, 'kick.lua']
]

for (const [what, pattern, file] of saidOnce) {
  t.test(`${what} in one place`, async t => {
    t.same(readdirSync(directory).filter(name => pattern.test(readFileSync(new URL(name, directory), 'utf8'))), [file])
  })
}
