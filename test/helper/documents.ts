// The documents that people read, as text, headings, blocks and tables.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Every document, by its path from the root. */
export const documents = [
  ...readdirSync(root), ...readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' }).map(name => `docs/${name}`),
  'examples/back-end/README.md'
].filter(name => name.endsWith('.md'))

export const textOf = (name: string): string => readFileSync(root + name, 'utf8')

/** The blocks of a document in a language, one by one. */
export const blocksIn = (name: string, language: string): string[] =>
  [...textOf(name).matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block)

/** The document without what is fenced: code is no prose, and a comment in it no heading. */
export const proseOf = (text: string): string => text.replaceAll(/^```\w*\n[^]*?^```$/gm, '')

const isDrawing = (language: string) => language === 'text' || language === 'mermaid'

/** What is fenced, in order, with its language and without comments; of a drawing only that it is there. */
export const blocksOf = (text: string): string[] => [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
  .map(([, language = '', block = '']) => isDrawing(language) ? language : language + block.replaceAll(/ +(?:#|\/\/) .*$/gm, ''))

/** Its parts, each from a heading to the next. */
export const sectionsOf = (text: string) => proseOf(text).split(/^(?=#)/m).filter(part => part.startsWith('#')).map(part => {
  const [heading = '', ...lines] = part.split('\n')
  return { heading, level: /^#+/.exec(heading)?.[0].length ?? 0, body: lines.join('\n') }
})

/** What stands in backquotes, each once, sorted. */
export const codeIn = (text: string): string[] => [...new Set([...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code))].sort()

/** How GitHub names a heading in a link. */
export const anchorOf = (heading: string): string => heading.replace(/^#+ /, '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
  .toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '').replaceAll(' ', '-')
