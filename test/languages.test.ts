// The Chinese documents say what the English ones say: headings, code and tables agree, so that one that was left behind is seen.
import t from 'tap'
import { blocksOf, codeIn, documents, proseOf, sectionsOf, textOf } from './helper/documents.js'

const chinese = 'docs/zh-CN/'
const pairs = [
  ['README.md', 'README.zh-CN.md'],
  ...documents.filter(name => name.startsWith(chinese)).map(name => [name.replace(chinese, 'docs/'), name])
] as [string, string][]

/** The tables' rows, each as what is in code in it, and its numbers. */
const rowsOf = (name: string) => proseOf(textOf(name)).split('\n').filter(line => line.startsWith('|')).map(line => ({
  cells: line.replaceAll('\\|', '').split('|').length, code: codeIn(line), numbers: line.match(/\d+/g)?.sort() ?? []
}))

t.test('there are the pages that a team needs first', async t => {
  const names = new Set(pairs.map(([english]) => english))
  for (const name of ['api', 'concepts', 'configuration', 'deploy']) t.ok(names.has(`docs/${name}.md`), name)
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
