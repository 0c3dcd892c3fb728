// docs/protocol.md is the contract: every clause that is cited is defined there, once, and every one that is defined is tested.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { configTable, foreign } from '../src/config-table.js'
import { keys } from '../src/store/keys.js'

const root = new URL('../../', import.meta.url).pathname
const contract = readFileSync(join(root, 'docs/protocol.md'), 'utf8')

/** A clause is defined where its id stands in bold, and cited where it stands in brackets. */
const defined = [...contract.matchAll(/\*\*\[([A-Z]+-\d+)\]\*\*/g)].map(([, id = '']) => id)

function textsIn (folder: string): { name: string, text: string }[] {
  const names = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.parentPath.includes('node_modules'))
  return names.map(({ parentPath, name }) => ({
    name: join(parentPath, name).slice(root.length),
    text: readFileSync(join(parentPath, name), 'utf8')
  }))
}

const namedIn = (text: string) => [...text.matchAll(/\[([A-Z]+-\d+)\]/g)].map(([, id = '']) => id)

/** What a range stands for, too: `[CMD-1] to [CMD-3]` cites three. */
function citedIn (text: string): string[] {
  const ids = namedIn(text)
  const ranges = [...text.matchAll(/\[([A-Z]+)-(\d+)\] (?:to|\.\.\.) \[\1-(\d+)\]/g)]
  return [...ids, ...ranges.flatMap(([, family, from, to]) =>
    Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${family}-${Number(from) + i}`))]
}

t.test('each clause is defined once', async t => {
  t.ok(defined.length > 50)
  t.same(defined.filter((id, i) => defined.indexOf(id) < i), [])
})

t.test('what is cited is defined', async t => {
  const readmes = ['README.md', 'README.zh-CN.md', 'CHANGELOG.md'].map(name => ({ name, text: readFileSync(join(root, name), 'utf8') }))
  const texts = [...['src', 'test', 'docs', 'openapi', 'scripts'].flatMap(textsIn), ...readmes]
  const known = new Set(defined)
  const unknown = texts.flatMap(({ name, text }) => citedIn(text).filter(id => !known.has(id)).map(id => `${id} in ${name}`))
  t.same([...new Set(unknown)], [])
  t.same(citedIn(`[${'CMD'}-1] to [${'CMD'}-3]`), ['CMD-1', 'CMD-3', 'CMD-1', 'CMD-2', 'CMD-3'], 'a range is seen')
})

t.test('what is defined is proved by a test that names it: a range would name what nobody has thought of', async t => {
  const tested = new Set(textsIn('test').flatMap(({ text }) =>
    namedIn([...text.matchAll(/(?:t\.test|scene|deskScene)\(\s*['"`](.+)/g)].map(([, name]) => name).join('\n'))))
  t.same(defined.filter(id => !tested.has(id)), [])
})

t.test('a section that is pointed to is there', async t => {
  const sections = new Set([...contract.matchAll(/^## (\d+)\./gm)].map(([, number]) => number))
  const named = [
    'src', 'test'
  ].flatMap(textsIn).flatMap(({ name, text }) => [...text.matchAll(/docs\/protocol\.md sections? (\d+)(?:, \d+)*(?: (?:and|to) (\d+))?/g)]
    .flatMap(([, first, last]) => [first, last]).filter(number => number !== undefined).map(number => ({ name, number })))
  t.ok(named.length > 10)
  t.same(named.filter(({ number }) => !sections.has(number)), [])
})

t.test('every key of Redis stands in section 6', async t => {
  const section = contract.slice(contract.indexOf('\n## 6.'), contract.indexOf('\n## 7.'))
  const made = Object.values(keys).map(key => typeof key === 'string' ? key : (key as (...owners: string[]) => string)('a', 'b', 'c'))
  const words = [...new Set(made.flatMap(key => key.match(/[A-Z_]+/g) ?? []))]
  t.ok(words.length > 25)
  t.same(words.filter(word => !new RegExp(`[\`:]${word}[\`:]`).test(section)), [])
})

t.test('every variable that a document names is one', async t => {
  const known = new Set([...configTable.map(({ name }) => name), ...foreign])
  const named = [
    ...textsIn('docs'),
    ...['README.md', 'README.zh-CN.md', 'CHANGELOG.md'].map(name => ({ name, text: readFileSync(join(root, name), 'utf8') }))
  ]
    .flatMap(({ name, text }) => [...text.matchAll(/IRIS_[A-Z_]*[A-Z]\b/g)].map(([variable]) => ({ name, variable })))
    .filter(({ variable }) => variable !== 'IRIS_CMD_SEND')
  t.ok(named.length > 100)
  t.same(named.filter(({ variable }) => !known.has(variable)), [])
})
