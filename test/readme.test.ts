// The commands of the README, and of docs/concepts.md, which goes on where they end: run as they stand, from top to bottom, against a
// real process.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { blocksIn, documents, root, textOf } from './helper/documents.js'
import { startProcess } from './helper/process.js'

/** Without the first two, which install, and test or make an image. */
const [, , ...commands] = [...blocksIn('README.md', 'sh'), ...blocksIn('docs/concepts.md', 'sh')]

t.test('it is a first screen: what is generated, and what is long, has a page of its own', async t => {
  for (const name of ['README.md', 'README.zh-CN.md']) {
    const text = textOf(name)
    t.ok(text.split('\n').length <= 141, `${name} has ${text.split('\n').length} lines`)
    t.notMatch(text, /<!-- generated:/, name)
    t.match(text, '](docs/demo.webp)', name)
  }
  t.ok(statSync(`${root}docs/demo.webp`).size < 150_000, 'the picture comes at once')
})

t.test('its page is that of docs/clients.md, in under 15 lines; the tests that documents name are there', async t => {
  const [page = ''] = blocksIn('README.md', 'html')
  t.equal(page.replace('http://127.0.0.1:4747', 'https://chat.example'), blocksIn('docs/clients.md', 'html')[0])
  const [, script = ''] = /<script[^>]*>\n([^]*)<\/script>/.exec(page) ?? []
  t.ok(script.trim().split('\n').length < 15, script)
  const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  const words = documents.flatMap(name => [...textOf(name).matchAll(/npm test -- (\w\S*)\b/g)].map(([, word = '']) => word))
  t.ok(words.length > 0)
  t.same(words.filter(word => !files.some(file => file.endsWith('.test.ts') && file.includes(word))), [])
})

t.test('[LIFE-2] [ATTACH-1] the commands do what the README says', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'iris-readme-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const { url } = await startProcess(t, { IRIS_DATA_DIR: join(directory, '.iris') })
  t.equal(commands.length, 8)
  const [tokens, listen, send, resume, poll, ask, kick, notice] = commands.map(block =>
    block.replaceAll('http://127.0.0.1:4747', url).replaceAll('/tmp/bob.txt', 'bob.txt'))
  const untilListening = 'until grep -q IRIS.READY bob.txt 2>/dev/null; do sleep 0.1; done; '
  const untilSeen = (text: string) => `until grep -q '"text":"${text}"' bob.txt; do sleep 0.1; done; `
  /** What a hand at the keyboard does beside: a stream runs while others send, and is stopped. */
  const played = [
    'set -m # a job is stopped whole',
    tokens,
    `(${listen}) >/dev/null & ${untilListening}`,
    `${send}${send}${untilSeen('hi')}kill %%; wait`,
    send?.replace('c-1', 'c-2').replace('"hi"', '"more"'),
    `(${resume}) >/dev/null & ${untilSeen('more')}kill %%; wait`,
    "CURSOR=$(sed -n 's/^id: //p' bob.txt | head -1)",
    poll, ask, kick, notice
  ].join('\n')
  const shell = spawn('bash', ['-c', played], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  shell.stdout.on('data', (chunk: Buffer) => { output += chunk.toString() })
  shell.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString() })
  const [code] = await once(shell, 'close') as [number]
  t.equal(code, 0, errors)
  for (const said of [
    /"seq":1,.*"duplicate":false/, /"seq":1,.*"duplicate":true/, /"seq":2,.*"duplicate":false/, /"recovered":true/,
    /"userId":"bob","online":true/, /"type":"user.online","userId":"bob"/, /"kicked":\["default"\],"tokensFrom":\d+/, /"lifted":\[\{/,
    /"noticeId":"n-7","stored":1/
  ]) {
    t.match(output, said)
  }
  const heard = readFileSync(join(directory, 'bob.txt'), 'utf8')
  t.equal(heard.match(/"text":"hi"/g)?.length, 1, 'stored once')
  t.notMatch(heard, /IRIS\.RESET/, 'the cursor that he saw is one that can be served')

  /** Runs a module from the root. @returns what it printed. */
  const run = (code: string, more: Record<string, string>) => {
    const env = { ...process.env, ...more }
    return execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, env, timeout: 20_000 }).toString()
  }

  await t.test('[AUTH-1] a token of one\'s own login, signed as it says, is one', async t => {
    const { tokenSecret } = JSON.parse(readFileSync(join(directory, '.iris/secrets.json'), 'utf8')) as { tokenSecret: string }
    const [sign = ''] = blocksIn('docs/back-end.md', 'js')
    const TOKEN = run(`${sign}\nconsole.log(token)`, { IRIS_TOKEN_SECRET: tokenSecret }).trim()
    const headers = { authorization: `Bearer ${TOKEN}` }
    t.match(await (await fetch(`${url}/v1/conversations`, { headers })).json(), { items: [{ conversationId: 'dm.alice.bob' }] })
  })
})
