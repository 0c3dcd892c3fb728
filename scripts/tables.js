// Writes the generated tables into the documents; with --check it only compares, and names what has drifted.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuild, ensureModules, ensureNode, root } from './bootstrap.js'

await ensureNode()
ensureModules()
ensureBuild()
const { operations } = await import('../build/src/app.js')
const { configTable } = await import('../build/src/config-table.js')
const { costSentence } = await import('../build/src/protocol/cost.js')
const { errors } = await import('../build/src/protocol/errors.js')
const { byes } = await import('../build/src/protocol/events.js')
const { serverEvents } = await import('../build/src/protocol/server-events.js')

const table = (heads, rows) => [heads, heads.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')
const code = value => `\`${value}\``

const chinese = JSON.parse(readFileSync(join(root, 'docs/zh-CN/sentences.json'), 'utf8'))
/** In Chinese, or in English while nobody has translated it: test/languages.test.ts names what is missing. */
const inChinese = sentence => chinese[sentence] ?? sentence
const inEnglish = sentence => sentence

const operationTable = (heads, words) =>
  table(heads, operations.map(({ method, path, name, summary }) => [code(`${method} ${path}`), name, words(summary)]))
const isLimit = ({ name }) => name.startsWith('IRIS_LIMIT_')
const rowsOf = (variables, heads, words) => table(heads, variables.map(({ name, type, default: preset, sentence }) =>
  [code(name), type, preset === undefined || preset === '' ? '' : code(preset), words(sentence)]))
/** The variables in two tables: what must be known to set one up, and bounds. */
const configBlocks = (heads, words) => ({
  config: rowsOf(configTable.filter(variable => !isLimit(variable)), heads, words),
  limits: rowsOf(configTable.filter(isLimit), heads, words)
})
const weights = operations.filter(({ auth }) => auth === 'user').map(({ name, costs }) => [name, costSentence(costs)])
const errorRows = Object.entries(errors).sort(([, a], [, b]) => a.status - b.status)
const byeRows = Object.values(byes)
const common = ['id', 'type', 'ts', 'traceId']
const eventRows = Object.entries(serverEvents).map(([kind, { description, properties, required }]) => [
  code(kind),
  description,
  code(Object.keys(properties).filter(name => !common.includes(name)).map(name => required.includes(name) ? name : `${name}?`).join(', '))
])

/** The blocks of each document. */
const documents = {
  'docs/api.md': { operations: operationTable(['call', 'name', 'does'], inEnglish) },
  'docs/configuration.md': configBlocks(['variable', 'type', 'default', 'meaning'], inEnglish),
  'docs/zh-CN/api.md': { operations: operationTable(['调用', '名称', '作用'], inChinese) },
  'docs/zh-CN/configuration.md': configBlocks(['变量', '类型', '默认值', '含义'], inChinese),
  'docs/protocol.md': {
    errors: table(['status', 'code', 'retryable', 'title'], errorRows.map(([name, { status, title, retryable }]) =>
      [status, code(name), retryable ? 'yes' : '', title])),
    byes: table(['code', 'reason', '`reconnect`'], byeRows.map(({ code: number, reason, reconnect }) => [number, reason, code(reconnect)])),
    events: table(['kind', 'said when', 'facts'], eventRows),
    weights: table(['operation', 'weighs'], weights)
  }
}

let drifted = 0
for (const [name, blocks] of Object.entries(documents)) {
  const file = join(root, name)
  const before = readFileSync(file, 'utf8')
  let after = before
  for (const [block, text] of Object.entries(blocks)) {
    const marked = new RegExp(`(<!-- generated:${block} -->\n)[^]*?(<!-- /generated -->)`)
    if (!marked.test(after)) throw new Error(`${name} has no block ${block}`)
    after = after.replace(marked, (_all, begin, end) => begin + text + '\n' + end)
  }
  if (after === before) continue
  drifted++
  if (process.argv.includes('--check')) process.stdout.write(`${name} is not what the definitions say: run npm run openapi\n`)
  else writeFileSync(file, after)
}
process.exit(process.argv.includes('--check') && drifted > 0 ? 1 : 0)
