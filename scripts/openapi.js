// npm run openapi: writes the documents to openapi/; with --check it only compares, and names what has drifted.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuild, ensureModules, ensureNode, root } from './bootstrap.js'

await ensureNode()
ensureModules()
ensureBuild()
const { stringify } = await import('yaml')
const { operations } = await import('../build/src/app.js')
const { asyncDocumentOf, documentOf } = await import('../build/src/plugins/openapi.js')
const { defaultLimits } = await import('../build/src/protocol/limits.js')

const document = documentOf(operations, defaultLimits)
const asyncDocument = asyncDocumentOf(operations, defaultLimits)
const yaml = value => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })
const files = {
  'openapi/iris.json': JSON.stringify(document, null, 2) + '\n',
  'openapi/iris.yaml': yaml(document),
  'openapi/iris-3.2.yaml': yaml(documentOf(operations, defaultLimits, '3.2.0')),
  'openapi/asyncapi.json': JSON.stringify(asyncDocument, null, 2) + '\n',
  'openapi/asyncapi.yaml': yaml(asyncDocument)
}
mkdirSync(join(root, 'openapi'), { recursive: true })
let drifted = 0
for (const [name, text] of Object.entries(files)) {
  const file = join(root, name)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  drifted++
  if (process.argv.includes('--check')) process.stdout.write(`${name} is not what the definitions say: run npm run openapi\n`)
  else writeFileSync(file, text)
}
process.exit(process.argv.includes('--check') && drifted > 0 ? 1 : 0)
