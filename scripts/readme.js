// Writes the generated tables into the READMEs; with --check it only compares, and names what has drifted.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuild, ensureModules, root } from './bootstrap.js'

ensureModules()
ensureBuild()
const { operations } = await import('../build/src/app.js')
const { configTable } = await import('../build/src/config.js')

const table = (heads, rows) => [heads, heads.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')
const code = value => `\`${value}\``

const words = {
  'README.md': { operations: ['call', 'name', 'does'], config: ['variable', 'type', 'default', 'meaning'] },
  'README.zh-CN.md': { operations: ['调用', '名称', '作用（英文原文）'], config: ['变量', '类型', '默认值', '含义（英文原文）'] }
}

const blocks = heads => ({
  operations: table(heads.operations, operations.map(({ method, path, name, summary }) => [code(`${method} ${path}`), name, summary])),
  config: table(heads.config, configTable.map(({ name, type, default: preset, sentence }) => [code(name), type, preset === undefined || preset === '' ? '' : code(preset), sentence]))
})

let drifted = 0
for (const [name, heads] of Object.entries(words)) {
  const file = join(root, name)
  const before = readFileSync(file, 'utf8')
  let after = before
  for (const [block, text] of Object.entries(blocks(heads))) {
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
