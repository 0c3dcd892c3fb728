// Every link of a document leads to a file that is there, and to a heading that is there; the list of changes says nothing twice.
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { anchorOf, documents, proseOf, root, sectionsOf, textOf } from './helper/documents.js'

/** Where the links and pictures of a document lead, but those that leave the project. */
const linksOf = (name: string) => [...proseOf(textOf(name)).matchAll(/\]\(([^)\s]+)\)|(?:href|src)="([^"]+)"/g)]
  .map(([, linked, attribute]) => linked ?? attribute ?? '')
  .filter(link => !/^(?:https?|mailto):/.test(link))

function isThere (name: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? name : normalize(join(dirname(name), decodeURIComponent(path)))
  if (!existsSync(root + target)) return false
  return anchor === undefined || sectionsOf(textOf(target)).some(({ heading }) => anchorOf(heading) === decodeURIComponent(anchor))
}

t.test('no link is dead', async t => {
  const links = documents.flatMap(name => linksOf(name).map(link => ({ name, link })))
  t.ok(links.length > 60)
  t.same(links.filter(({ name, link }) => !isThere(name, link)), [])
  t.notOk(isThere('README.md', 'docs/protocol.md#no-such-heading'), 'what is dead is found')
})

t.test('no change is told twice, not in two editions either', async t => {
  const beginnings = textOf('CHANGELOG.md').split('\n').filter(line => line.startsWith('- ')).map(line => line.slice(0, 42))
  t.ok(beginnings.length > 100)
  t.same(beginnings.filter((beginning, i) => beginnings.indexOf(beginning) < i), [])
})
