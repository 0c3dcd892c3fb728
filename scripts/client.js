// Makes build/client/ of the compiled src/client/: one module, minified, and the types of what it exports, as the package offers them.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.js'
import { MARKED, shorten } from './shorten.js'

const from = join(root, 'build/src/client')
const to = join(root, 'build/client')
const source = join(root, 'src/client')
/** What a user's compiler reads: it imports nothing else. */
const TYPED = ['index', 'connect', 'base/error', 'base/types', 'base/wire']
/** Where the names stand that others have, too: users, browsers, other tabs, what was kept by an earlier version. */
const OUTSIDE = ['base/types', 'base/wire', 'base/error', 'base/platform', 'base/shapes']

/** Whether it was made of what is there; also when there is nothing to make it of. */
function isFresh () {
  if (!existsSync(join(from, 'index.js'))) return true
  const made = join(to, 'index.js')
  const files = readdirSync(from, { recursive: true }).map(name => join(from, name))
  const sources = [...files, join(root, 'scripts/client.js'), join(root, 'scripts/shorten.js')]
  return existsSync(made) && sources.every(file => statSync(file).mtimeMs < statSync(made).mtimeMs)
}

/** Bundles and minifies, with packages of development, unless that is done. */
export async function buildClient () {
  if (isFresh()) return
  const [{ build }, { minify }, { default: ts }] = await Promise.all([import('esbuild'), import('terser'), import('typescript')])
  const { outputFiles: [bundle] } = await build({
    entryPoints: [join(from, 'index.js')], bundle: true, format: 'esm', target: 'es2022', write: false
  })
  const compress = {
    ...{ passes: 4, pure_getters: true, keep_fargs: false, hoist_funs: true, unsafe: true, unsafe_arrows: true, unsafe_methods: true },
    unsafe_comps: true
  }
  const inside = new RegExp(`^(?:${insideNames(ts).join('|')})$`)
  const options = { module: true, ecma: 2022, compress, mangle: { properties: { regex: inside, builtins: true, debug: '' } } }
  const { code } = await minify(bundle.text, options)
  // one word of the two is enough, and nothing is assigned twice
  const module = shorten(ts, code.replace(/\bconst(?= |\[|\{)/g, 'let'))
  if (MARKED.test(module)) throw new Error('scripts/shorten.js has left a name')
  // the package would hold what an earlier one has left
  rmSync(to, { recursive: true, force: true })
  mkdirSync(join(to, 'base'), { recursive: true })
  writeFileSync(join(to, 'index.js'), `// iris-gateway/client, MIT\n${module}\n`)
  for (const name of TYPED) writeFileSync(join(to, `${name}.d.ts`), typesOf(ts, join(source, `${name}.ts`)))
}

/** @returns the names of properties that parts of the client have for each other alone: of which nobody else, and no text, speaks. */
function insideNames (ts) {
  const inside = new Set()
  const outside = new Set([...wireNames(), ...builtIns()])
  for (const name of readdirSync(source, { recursive: true }).filter(name => name.endsWith('.ts'))) {
    const isOutside = OUTSIDE.includes(name.slice(0, -3))
    const visit = node => {
      if (ts.isStringLiteral(node)) outside.add(node.text)
      const isNamed = ts.isTypeElement(node) || ts.isObjectLiteralElement(node) || ts.isClassElement(node)
      if (isNamed && node.name && ts.isIdentifier(node.name)) (isOutside ? outside : inside).add(node.name.text)
      ts.forEachChild(node, visit)
    }
    visit(ts.createSourceFile(name, readFileSync(join(source, name), 'utf8'), ts.ScriptTarget.Latest, true))
  }
  // capitals are words of the wire: events, headers
  return [...inside].filter(name => !outside.has(name) && /^[a-z]/.test(name))
}

/** @returns the names of everything that goes over the wire. */
function wireNames () {
  const names = []
  const visit = ({ name, properties = {}, ...parts }) => {
    if (typeof name === 'string') names.push(name) // of a parameter
    names.push(...Object.keys(properties))
    for (const part of [...Object.values(properties), ...Object.values(parts)]) if (part instanceof Object) visit(part)
  }
  for (const file of ['iris.json', 'asyncapi.json']) visit(JSON.parse(readFileSync(join(root, 'openapi', file), 'utf8')))
  return names
}

/** @returns the names of what the language and the platform bring. */
function builtIns () {
  const names = Object.getOwnPropertyNames(globalThis)
  const objects = names.filter(name => name !== 'process').map(name => globalThis[name]).filter(value => Object(value) === value)
  const all = objects.flatMap(value => [value, value.prototype, Object.getPrototypeOf(value)]).filter(value => Object(value) === value)
  const reader = Object.getPrototypeOf(new ReadableStream().getReader())
  return [...names, 'done', 'value', 'signal', 'cause', ...[...all, reader].flatMap(Object.getOwnPropertyNames)]
}

function typesOf (ts, file) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, declaration: true, isolatedDeclarations: true }
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(file, 'utf8'), { fileName: file, compilerOptions })
  if (diagnostics.length > 0) throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(diagnostics[0].messageText, ' ')}`)
  return outputText
}
