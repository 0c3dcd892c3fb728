// The Chinese documents say what the English ones say: headings, code and tables agree, so that one that was left behind is seen.
import t from 'tap'
import { operations } from '../src/app.js'
import { configTable } from '../src/config-table.js'
import { defaultLimits } from '../src/protocol/limits.js'
import { blocksOf, codeIn, documents, proseOf, sectionsOf, textOf } from './helper/documents.js'

const chinese = 'docs/zh-CN/'
const pairs = [
  ['README.md', 'README.zh-CN.md'],
  ...documents.filter(name => name.startsWith(chinese)).map(name => [name.replace(chinese, 'docs/'), name])
] as [string, string][]

/** What is the same in every language: what is in code, and the numbers. */
const factsIn = (text: string) => ({ code: codeIn(text), numbers: text.match(/\d+/g)?.sort() ?? [] })

/** The tables, row by row. */
const rowsOf = (name: string) => proseOf(textOf(name)).split('\n').filter(line => line.startsWith('|'))
  .map(line => ({ cells: line.replaceAll('\\|', '').split('|').length, ...factsIn(line) }))

t.test('there are the pages that a team needs first', async t => {
  const names = new Set(pairs.map(([english]) => english))
  for (const name of ['api', 'clients', 'concepts', 'configuration', 'deploy', 'operations']) t.ok(names.has(`docs/${name}.md`), name)
})

t.test('each sentence of a generated table has its Chinese one, with the same code and numbers', async t => {
  const sentences = new Map(Object.entries(JSON.parse(textOf(`${chinese}sentences.json`)) as Record<string, string>))
  const used = [...operations.map(({ summary }) => summary), ...configTable.map(({ sentence }) => sentence)]
  t.ok(used.length > 100)
  t.same(used.filter(sentence => !sentences.has(sentence)), [], 'these are to be translated in docs/zh-CN/sentences.json')
  for (const [sentence, translated] of sentences) t.same(factsIn(translated), factsIn(sentence), sentence)
  const inside = codeIn(configTable.map(({ sentence }) => sentence).join('\n')).filter(code => code in defaultLimits && /[A-Z]/.test(code))
  t.same(inside, [], 'who sets a variable knows it by its own name')
})

/** What a translation leaves behind: English between Chinese, units by their letters, a thing by two names. */
const left: [what: string, RegExp][] = [
  ['English', /[\u4e00-\u9fff，。；：、）\]] ?\b(?:to|and|or|of|the|in|by|with|for|is|a)\b.{0,9}/],
  ['a unit', /\d ?(?:h|min|s|ms|us)\b/],
  ['睡眠 for 休眠', /睡眠/],
  ['hook for 钩子', /(?<![wW]eb)[hH]ook/],
  ['小明 for Xavier', /小明/],
  ['退出登录 for 登出', /退出登录/]
]

t.test('nothing of the English is left in the Chinese, and each thing has one name', async t => {
  for (const [, name] of pairs) {
    const prose = proseOf(textOf(name)).replaceAll(/\]\([^)]*\)/g, ']').replaceAll(/`[^`]*`/g, '')
    for (const [what, sign] of left) t.equal(sign.exec(prose)?.[0], undefined, `${name}: ${what}`)
  }
})

for (const [english, other] of pairs) {
  t.test(`${other} is ${english}`, async t => {
    const [here, there] = [textOf(english), textOf(other)]
    t.match(there, /[\u4e00-\u9fff]{4}/, 'it is Chinese')
    t.same(sectionsOf(there).map(({ level }) => level), sectionsOf(here).map(({ level }) => level), 'headings')
    t.same(blocksOf(there), blocksOf(here), 'code')
    t.same(rowsOf(other), rowsOf(english), 'tables')
    for (const [i, { heading, body }] of sectionsOf(here).entries()) {
      t.same(codeIn(sectionsOf(there)[i]?.body ?? ''), codeIn(body), `what is in code below ${heading}`)
    }
  })
}
