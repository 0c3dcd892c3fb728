// The client as the package offers it: one module that fits into a page, found by its name, its types beside it.
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import ts from 'typescript'
import { blocksIn } from '../helper/documents.js'

/** What it may weigh in a page, gzipped. */
const MAX_BYTES = 12_800

const root = new URL('../../../', import.meta.url)
const folder = new URL('build/client/', root)
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { exports: Record<string, Record<string, string>> }

t.test('it is one module without imports, and small', async t => {
  const code = readFileSync(new URL('index.js', folder))
  t.notMatch(code.toString(), /\b(?:import|require)\s*[('"{]/)
  t.ok(gzipSync(code, { level: 9 }).length <= MAX_BYTES, `${gzipSync(code, { level: 9 }).length} bytes gzipped, ${MAX_BYTES} at most`)
})

t.test('it is found by its name', async t => {
  const name = 'iris-gateway/client'
  const found = await import(name) as Record<string, unknown>
  t.same(Object.keys(found).sort(), ['IrisError', 'connect'])
  for (const file of Object.values(exports['./client'] ?? {})) t.ok(readFileSync(new URL(file, root)).length > 0, file)
})

t.test('its types lean on nothing but themselves', async t => {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.d.ts'))
  t.ok(names.includes('index.d.ts'))
  for (const name of names) {
    for (const [, from = ''] of readFileSync(new URL(name, folder), 'utf8').matchAll(/from '([^']+)'/g)) {
      t.ok(names.includes(posix.join(posix.dirname(name), from).replace(/js$/, 'd.ts')), `${name}: ${from}`)
    }
  }
})

/** What an application may write that knows of some values only whether they are there. */
const undecided = `import { connect, IrisError, type Iris, type Keeper, type Message, type Options } from 'iris-gateway/client'
declare const [text, count, keeper]: [string | undefined, number | undefined, Keeper | undefined]
const options: Options = { url: '', token: () => text, userId: text, storage: keeper, timing: { tabMs: count }, WebSocket, fetch }
const iris: Iris = connect(options)
iris.on('message', ({ source, ...message }) => { const kept: Message = message; void iris.read(kept.conversationId, kept.seq) })
await iris.send('bob', { type: 'text', content: {}, clientMsgId: text, quote: undefined })
await iris.history('g.1', { toSeq: count, limit: count })
await iris.conversations({ after: text })
await iris.command('nudge', 'bob', undefined, { clientCmdId: text, ttlSec: count })
for await (const event of iris) if (event.type === 'command' || event.type === 'notice') await iris.complete(event.data)
await iris.request('/v1/x').catch((error: unknown) => error instanceof IrisError && error.problem?.errors?.[0]?.pointer)`

t.test('what docs/clients.md shows in TypeScript compiles, and what an application may write, as strictly as can be', async t => {
  const shown = blocksIn('docs/clients.md', 'ts')
  t.equal(shown.length, 1)
  const names = [...shown, undecided].map((text, i) => [`${i}.mts`, text] as const)
  const place = t.testdir(Object.fromEntries(names)) // below package.json, so the package is found by its name
  for (const [module, moduleResolution] of [
    [ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16], [ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler]
  ] as const) {
    const program = ts.createProgram(names.map(([name]) => posix.join(place, name)), {
      module,
      moduleResolution,
      target: ts.ScriptTarget.ES2022,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      types: []
    })
    const wrong = ts.getPreEmitDiagnostics(program)
    t.same(wrong.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`), [])
    t.ok(program.getSourceFile(fileURLToPath(new URL('index.d.ts', folder))), 'by the types of the package')
  }
})
