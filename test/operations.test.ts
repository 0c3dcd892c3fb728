// docs/operations.md against what is there: calls, metrics, codes, lines of the log and what stands in them. [DELIVERY-4]
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { operations } from '../src/app.js'
import { errors } from '../src/protocol/errors.js'
import { byes } from '../src/protocol/events.js'
import { blocksIn } from './helper/documents.js'
import { SERVER_KEY, startIris } from './helper/iris.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${root}docs/operations.md`, 'utf8')
const all = (pattern: RegExp) => [...new Set([...page.matchAll(pattern)].map(([, found = '']) => found))]

/** What stands in a line of each kind, as the page's own table has it. */
const rows = page.split('\n').flatMap(line => {
  const [, names = '', , fields = ''] = /^\| (`[^|]*) \| ([^|]*) \| ([^|]*) \|$/.exec(line) ?? []
  return names === '' || names === '`msg`' ? [] : [{ names: [...names.matchAll(/`([^`]*)`/g)].map(([, name = '']) => name), fields }]
})
const shown = [...page.matchAll(/^(\{"level".*\})$/gm)].map(([, line = '']) => JSON.parse(line) as Record<string, unknown> & { msg: string })

t.test('every call is an operation, every metric is one, every code is in its table', async t => {
  const calls = operations.map(({ method, path }) => `${method} ${path}`)
  for (const call of all(/((?:GET|POST|PUT|DELETE) \/v1\/server\/[\w/{}-]*)/g)) t.ok(calls.includes(call), call)
  const metrics = readFileSync(`${root}docs/metrics.md`, 'utf8')
  const named = all(/\b(iris_[a-z_]+[a-z])\b/g)
  for (const name of named) t.ok(metrics.includes(`\`${name}\``), name)
  t.ok(named.length > 15)
  const codes = Object.values(byes).map(({ code }) => String(code))
  for (const code of all(/(?:BYE |"bye":)(\d{4})/g)) t.ok(codes.includes(code), code)
  for (const code of all(/(?:40\d|50\d) `([A-Z_]+)`/g)) t.ok(code in errors, code)
})

t.test('[DELIVERY-4] every line that is shown is one that is written, with the fields that its row names', async t => {
  const source = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts')).map(file => readFileSync(`${root}src/${file}`, 'utf8')).join('\n')
  t.ok(shown.length > 10 && rows.length === 5)
  for (const { level: _level, msg, ...facts } of shown) {
    const begin = msg.split(/[:(]/)[0] ?? ''
    t.ok(source.includes(begin), msg)
    const row = rows.find(({ names }) => names.some(name => name.split(':')[0] === begin))
    for (const field of Object.keys(facts)) if (row) t.ok(row.fields.includes(`\`${field}\``), `${begin}: ${field}`)
  }
  t.same(rows.flatMap(({ names }) => names).filter(name => !source.includes(name.split(':')[0] ?? '')), [], 'the table names no other')
})

t.test('[DELIVERY-1] the commands of "He did not get it" find the message, and say what became of it', async t => {
  const iris = await startIris(t)
  const [alice, xavier] = [await iris.user(t, 'alice'), await iris.user(t, 'xavier')]
  await alice.send(xavier, 'at five')
  const [block = '', ...others] = blocksIn('docs/operations.md', 'sh')
  t.equal(others.length, 0)
  const place = t.testdir({ 'iris.env': `IRIS_SERVER_KEY=${SERVER_KEY}\n` })
  const commands = block.replace('/etc/iris.env', join(place, 'iris.env')).replaceAll('http://127.0.0.1:4747', iris.url)
  const { stdout } = await promisify(execFile)('bash', ['-ec', commands])
  const [found = '', delivery = '{}'] = stdout.trim().split('\n')
  t.match(JSON.parse(`{${found}}`), { seq: 1, msgId: String, ts: Number, from: 'alice' })
  t.notMatch(found, /at five/)
  t.match(JSON.parse(delivery), { userId: 'xavier', message: { seq: 1, visible: true, read: false } })
})
