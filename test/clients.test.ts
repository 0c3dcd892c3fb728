// docs/clients.md: its examples are JavaScript, and what it says of goodbyes and addresses is what the definitions say.
import { readFileSync } from 'node:fs'
import { Script } from 'node:vm'
import t from 'tap'
import { operations } from '../src/app.js'
import { byes } from '../src/protocol/events.js'
import { Platform } from '../src/protocol/ids.js'
import { downEvents } from '../src/protocol/stream.js'

const text = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = '']) => code)

t.test('every example is JavaScript', async t => {
  t.equal(blocks.length, 6, 'what is shared, one for each transport, how a page begins, and a bot')
  for (const code of blocks) t.doesNotThrow(() => new Script(code), code.slice(0, 40))
  t.doesNotThrow(() => new Script(blocks.join('\n')), 'they stand together: no name is taken twice')
  t.throws(() => new Script(`${blocks[0]}\nconst`), SyntaxError, 'what is broken is found')
})

t.test('the platforms that it names are those that there are', async t => {
  const [, names = ''] = /^ +platform, \/\/ ([a-z, ]+);/m.exec(text) ?? []
  t.same(names.split(/, | or /), Platform['enum'])
})

t.test('every goodbye is explained, by its code and what to do', async t => {
  for (const { code, reconnect } of Object.values(byes)) {
    t.match(text, new RegExp(`^\\| ${code} \\| .+ \\| \`${reconnect}\` \\|$`, 'm'), String(code))
    t.match(text, new RegExp(`^\\| \`${reconnect}\` \\| .+ \\|$`, 'm'), reconnect)
  }
})

t.test('the addresses that it posts to are operations', async t => {
  // what long-poll, heartbeat and fresh tokens are called is in section 3, 4 and 7; the others are looked up
  const known = new Set([
    ...operations.map(({ path }) => path), `/v1/down/${downEvents.operationId.slice(4).toLowerCase()}`, '/v1/down/poll', '/v1/ws',
    '/v1/up/heartbeat', '/v1/up/token'
  ])
  const named = [...text.matchAll(/\/v1\/[a-z/-]+[a-z](?![a-z/${-])/g)].map(([path]) => path)
  t.ok(named.length >= 8)
  t.same(named.filter(path => !known.has(path)), [])
})
