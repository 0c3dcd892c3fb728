// Makes build/client/ of the compiled src/client/: one module, minified, and the types of what it exports, as the package offers them.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.js'

const from = join(root, 'build/src/client')
const to = join(root, 'build/client')
const source = join(root, 'src/client')
/** What a user's compiler reads: it imports nothing else. */
const TYPED = ['index', 'connect', 'base/error', 'base/types', 'base/wire']

/** Whether it was made of what is there; also when there is nothing to make it of. */
function isFresh () {
  if (!existsSync(join(from, 'index.js'))) return true
  const made = join(to, 'index.js')
  const files = readdirSync(from, { recursive: true }).map(name => join(from, name))
  const sources = [...files, join(root, 'scripts/client.js')]
  return existsSync(made) && sources.every(file => statSync(file).mtimeMs < statSync(made).mtimeMs)
}

/** Bundles and minifies, with packages of development, unless that is done. */
export async function buildClient () {
  if (isFresh()) return
  const [{ build }, { minify }, { default: ts }] = await Promise.all([import('esbuild'), import('terser'), import('typescript')])
  const { outputFiles: [bundle] } = await build({
    entryPoints: [join(from, 'index.js')], bundle: true, format: 'esm', target: 'es2022', write: false
  })
  // unsafe_*: functions become arrows, and methods short, as nobody here calls `new` on them
  const compress = { passes: 2, keep_fargs: false, hoist_funs: true, unsafe_arrows: true, unsafe_methods: true }
  // an error that nobody has caught prints its line
  const { code } = await minify(bundle.text, { module: true, ecma: 2022, compress, format: { max_line_len: 200 } })
  // the package would hold what an earlier one has left
  rmSync(to, { recursive: true, force: true })
  mkdirSync(join(to, 'base'), { recursive: true })
  for (const name of TYPED) writeFileSync(join(to, `${name}.d.ts`), typesOf(ts, join(source, `${name}.ts`)))
  // last: it says that all is there
  writeFileSync(join(to, 'index.js'), `// iris-gateway/client, MIT\n${code}\n`)
}

function typesOf (ts, file) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, declaration: true, isolatedDeclarations: true }
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(file, 'utf8'), { fileName: file, compilerOptions })
  if (diagnostics.length > 0) throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(diagnostics[0].messageText, ' ')}`)
  return outputText
}
