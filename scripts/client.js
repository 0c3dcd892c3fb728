// Makes build/client/ of the compiled src/client/: one module, minified, and the types of what it exports, as the package offers them.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.js'

const from = join(root, 'build/src/client')
const to = join(root, 'build/client')
/** What a user's compiler reads: it imports nothing else. */
const TYPED = ['index', 'connect', 'error', 'types', 'wire']

/** Names by which its parts call each other, and which nobody else has: not a user, a browser, the wire, another tab, the storage. */
const INSIDE = new RegExp(`^(on[A-Z]\\w+|${[
  'actions', 'address', 'again', 'ask', 'bad', 'be', 'better', 'call', 'calls', 'catchUp', 'change', 'choose', 'clock', 'emit',
  'everyMs', 'fill', 'forget', 'good', 'heard', 'hurry', 'isLeading', 'iterate', 'lead', 'leave', 'look', 'pauseMs', 'publish', 'query',
  'receive', 'receiver', 'renew', 'resume', 'resync', 'say', 'seen', 'settle', 'show', 'stored', 'tabs', 'tokens', 'wake', 'watchAll',
  'ways', 'whose', 'words'
].join('|')})$`)

/** Whether it was made of what is there; also when there is nothing to make it of. */
function isFresh () {
  if (!existsSync(join(from, 'index.js'))) return true
  const made = join(to, 'index.js')
  const sources = [...readdirSync(from).map(name => join(from, name)), join(root, 'scripts/client.js')]
  return existsSync(made) && sources.every(file => statSync(file).mtimeMs < statSync(made).mtimeMs)
}

/** Bundles and minifies, with packages of development, unless that is done. */
export async function buildClient () {
  if (isFresh()) return
  const [{ build }, { minify }, { default: ts }] = await Promise.all([import('esbuild'), import('terser'), import('typescript')])
  const { outputFiles: [bundle] } = await build({
    entryPoints: [join(from, 'index.js')], bundle: true, format: 'esm', target: 'es2022', write: false
  })
  const compress = { passes: 3, pure_getters: true, keep_fargs: false, hoist_funs: true, unsafe_arrows: true }
  const { code } = await minify(bundle.text, { module: true, ecma: 2020, compress, mangle: { properties: { regex: INSIDE } } })
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, 'index.js'), `// iris-gateway/client, MIT\n${code}\n`)
  for (const name of TYPED) writeFileSync(join(to, `${name}.d.ts`), typesOf(ts, join(root, `src/client/${name}.ts`)))
}

function typesOf (ts, file) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, declaration: true, isolatedDeclarations: true }
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(file, 'utf8'), { fileName: file, compilerOptions })
  if (diagnostics.length > 0) throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(diagnostics[0].messageText, ' ')}`)
  return outputText
}
