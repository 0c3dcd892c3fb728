// The command line: what it is asked for, and what it prints.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { bannerOf, placesOf } from '../src/banner.js'
import { readArguments } from '../src/cli/arguments.js'
import { callServer, mintToken } from '../src/cli/call.js'
import { type CommandName, commandTable } from '../src/cli/commands.js'
import { addressOf, checkUrl, gatewayOf } from '../src/cli/gateway.js'
import { help } from '../src/cli/help.js'
import { checksHere } from '../src/cli/here.js'
import { checksOutside } from '../src/cli/outside.js'
import { tellStates } from '../src/cli/tail.js'
import { secondsIn, targetIn, userIn } from '../src/cli/words.js'
import { IrisError } from '../src/client/base/error.js'
import { loadConfig } from '../src/config.js'
import { variables } from '../src/config-table.js'
import { readable } from '../src/readable.js'
import { call, inherited, program } from './helper/command.js'
import { linesOf } from './helper/findings.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { freePort } from './helper/process.js'
import { until } from './helper/user.js'

const noFull = !existsSync('/dev/full') && 'needs /dev/full'

t.test('arguments: a command with its words and options, or one sentence that says what is wrong', async t => {
  t.match(readArguments([]), { what: 'command', name: 'start' })
  t.match(readArguments(['token', 'alice', '--ttl', '60']), { what: 'command', name: 'token', words: ['alice'], options: { ttl: '60' } })
  t.match(readArguments(['-v']), { what: 'version' })
  t.match(readArguments(['send', '-v']), { what: 'version' })
  for (const args of [['--help'], ['-h'], ['help']]) t.same(readArguments(args), { what: 'help' })
  for (const args of [['token', '-h'], ['--help', 'token'], ['help', 'token'], ['token', 'a', '--help']]) {
    t.same(readArguments(args), { what: 'help', of: 'token' })
  }
  for (const [args, why] of [
    [['nope'], /^iris-gateway has no command "nope"\.$/],
    [['tial', 'bob'], /^iris-gateway has no command "tial": is tail meant\?$/],
    [['toString'], /no command/],
    [['token'], /^iris-gateway token takes <user> behind it: <user> is missing\.$/],
    [['send', 'a', 'b'], /^iris-gateway send takes <from> <to> <text> behind it: <text> is missing\.$/],
    [['token', 'a', 'b'], /takes <user> behind it: "b" is too much, and what has blanks needs quotes\.$/],
    [['start', 'x'], /takes nothing behind it: "x" is too much\.$/],
    [['token', 'a', '--ttl'], /^iris-gateway token: Option '--ttl <value>' argument missing\.$/],
    [['token', 'a', '--tll', '60'], /^iris-gateway token: Unknown option '--tll': is --ttl meant\?$/],
    [['doctor', '--port', '1'], /^iris-gateway doctor: Unknown option '--port': put -- before a word that begins with -\.$/],
    [['--url', 'http://x', 'token', 'a'], /^The command comes first: iris-gateway token, then its words and options\.$/],
    [['--port', '1'], /^iris-gateway start: Unknown option '--port': the gateway is configured by its environment\.$/]
  ] as const) {
    t.match(readArguments(args), { what: 'wrong', why }, args.join(' '))
  }
})

t.test('a word may begin as an option does: a text, a user; behind -- any', async t => {
  for (const word of ['-5', '-', '- so', '-)', '--', '-- and so', '--- ', '-alice', '--a b', '-\n']) {
    const args = word === '--' ? ['--', word] : [word]
    const asked = readArguments(['send', '--url', 'x', 'a', 'b', ...args])
    t.same(asked, { what: 'command', name: 'send', words: ['a', 'b', word], options: { url: 'x' } }, word)
  }
  t.same(readArguments(['send', '-alice', 'b', 'x', '--id', '-1']), {
    what: 'command', name: 'send', words: ['-alice', 'b', 'x'], options: { id: '-1' }
  })
  t.match(readArguments(['send', 'a', 'b', '--', '--help']), { words: ['a', 'b', '--help'] })
})

t.test('words and values have a form, which is said', async t => {
  for (const user of ['O\'Brien', '', 'Ünïcode', 'a'.repeat(65), 'a b', 'a.b', 'a\n']) {
    t.throws(() => userIn('user', user), /^<user> must be a user, .*, not "/, user)
  }
  t.same([userIn('user', '-a_1'), targetIn('to', 'g.a-1'), targetIn('to', 'dm.a.b')], ['-a_1', 'g.a-1', 'dm.a.b'])
  for (const target of ['g. a', '.\n', 'b!']) t.throws(() => targetIn('to', target), /^<to> must be a user/, target)
  t.same(['90', '15m', '8h', '30d', undefined].map(time => secondsIn('--ttl', time)), [90, 900, 28_800, 2_592_000, undefined])
  for (const time of ['0', '', 'never', '-1', '1.5', '1e3', '5 m', '1w']) t.throws(() => secondsIn('--ttl', time), /^--ttl must be seconds/, time)
})

t.test('the help names every command, option, exit code and variable; that of a command its own', async t => {
  const said = help()
  for (const [name, { options }] of commandTable) {
    const own = help(name as CommandName)
    t.match(said, new RegExp(`^  ${name}\\b`, 'm'))
    t.match(own, `Usage: iris-gateway ${name}`)
    for (const option of Object.keys(options)) for (const each of [said, own]) t.match(each, `--${option} <`)
    for (const code of ['  0 ', '  1 ', '  2 ', '130, 143, 129', '141']) for (const each of [said, own]) t.match(each, code)
    t.equal(own.includes('IRIS_PORT  '), name === 'start', name)
  }
  for (const name of variables.keys()) t.match(help('start'), `  ${name}  `)
  t.match(said, /iris-gateway start --help/)
  t.ok(said.split('\n').length < 40, 'on a screen')
})

t.test('a token is made by the gateway that runs, and is good; what keeps it from that is one sentence', async t => {
  const iris = await startIris(t)
  const { code, out } = await call(['token', 'alice', '--url', iris.url, '--ttl', '60'], { IRIS_SERVER_KEY: SERVER_KEY })
  t.equal(code, 0)
  t.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/, 'and nothing else, for $(...)')
  const { status } = await fetch(`${iris.url}/v1/conversations`, { headers: { authorization: `Bearer ${out.trim()}` } })
  t.equal(status, 200)
  t.match(await call(['token', 'alice'], { IRIS_DATA_DIR: t.testdir() }), {
    code: 1, out: '', err: /^There is no server key: set IRIS_SERVER_KEY, .*\.\n$/
  })
  const mint = async (facts: object) => await mintToken({ url: iris.url, key: SERVER_KEY, userId: 'alice', ...facts })
  await t.rejects(mint({ url: `http://127.0.0.1:${await freePort()}` }), {
    message: /^No gateway answers at \S+ \(nothing listens there: ECONNREFUSED\): .*\.$/
  })
  await t.rejects(mint({ key: 'of-another-gateway', keyFile: '.iris/secrets.json' }), {
    message: /answered 401, BAD_SERVER_KEY: .* The key is the one in \.iris\/secrets\.json: set IRIS_SERVER_KEY to that of this gateway\.$/
  })
  await t.rejects(mint({ key: 'of-another-gateway' }), { message: /answered 401, BAD_SERVER_KEY: [^.]*\.$/ }, 'who gave it knows whence')
  await t.rejects(mint({ userId: 'a b' }), { message: /^\S+ answered 400, INVALID_BODY: .*\/userId must .*\.$/ })
  let isPlain = false
  const other = createServer((request, response) => {
    if (request.url === '/v1/server/login') response.writeHead(302, { location: '/login' }).end()
    else if (request.url === '/v1/server/null') response.end('null')
    else if (request.url?.startsWith('/v1/server/tokens') && isPlain) response.end('{}')
    else if (request.url?.startsWith('/v1/server/tokens')) response.writeHead(301, { location: `${iris.url}${request.url}` }).end()
    else response.writeHead(502).end('<html>')
  }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  await t.rejects(mint({ url }), { message: `${url} leads to ${iris.url}: say that by --url.` })
  await t.rejects(callServer({ url, key: SERVER_KEY, path: 'login' }), { message: `${url} answered 302, and what answers is no Iris.` })
  await t.rejects(callServer({ url, key: SERVER_KEY, path: 'x' }), { message: /answered 502, and what answers is no Iris: does it reach one\?$/ })
  await t.rejects(callServer({ url, key: SERVER_KEY, path: 'null' }), { message: `${url} answered 200, and what answers is no Iris.` })
  isPlain = true
  await t.rejects(mint({ url }), { message: `${url} answered 200 without a token: what answers is no Iris.` })
  t.match(await linesOf(checksHere({ IRIS_PORT: new URL(url).port }), 'fail'), /^fail gateway: what answers at \S+ is no Iris \(502\)\. /m)
})

t.test('what is sent is stored, and comes to who listens; who sends is not online by it, and who has listened leaves nothing', async t => {
  const iris = await startIris(t)
  const env = { IRIS_SERVER_KEY: SERVER_KEY }
  const tail = spawn(process.execPath, [program, 'tail', 'bob', '--url', iris.url], {
    env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => tail.kill('SIGKILL'))
  let [heard, states] = ['', '']
  tail.stdout.on('data', (chunk: Buffer) => { heard += chunk.toString() })
  tail.stderr.on('data', (chunk: Buffer) => { states += chunk.toString() })
  while (!states.includes('live: ')) await once(tail.stderr, 'data')
  const terminals = async (userId: string) => (await iris.server('GET', `users/${userId}/terminals`)).body['items'] as unknown as object[]
  t.match(await terminals('bob'), [{ online: true }])
  const sent = ['send', 'alice', 'bob', '-', '--id', 'c-1', '--url', iris.url]
  const { code, out } = await call(sent, env, 'hi there,\nBob\n')
  t.equal(code, 0)
  t.match(JSON.parse(out), { clientMsgId: 'c-1', conversationId: 'dm.alice.bob', seq: 1, duplicate: false })
  t.same(await terminals('alice'), [])
  while (!heard.includes('"hi there,\\nBob"')) await once(tail.stdout, 'data')
  for (const line of heard.trim().split('\n')) t.ok((JSON.parse(line) as { event: string }).event)
  t.match(await call(['send', 'alice', 'g.none', 'x', '--url', iris.url], env), { code: 1, out: '', err: /^CONVERSATION_NOT_FOUND: / })
  tail.kill('SIGINT')
  t.same(await once(tail, 'close'), [null, 'SIGINT'], 'as a shell must know, to stop its loop')
  t.same(await terminals('bob'), [])
  t.equal(states, 'connecting: it begins\nlive: all is there\n')
})

t.test('what has listened leaves nothing, however it ends', async t => {
  const iris = await startIris(t)
  const env = { ...inherited, IRIS_SERVER_KEY: SERVER_KEY }
  const start = (args: string[], out: number | 'pipe') => {
    const child = spawn(process.execPath, [program, ...args, '--url', iris.url], { env, stdio: ['ignore', out, 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  const rows = async (userId: string) => (await iris.server('GET', `users/${userId}/terminals`)).body['items']
  const guest = async () => (await iris.redis.keys('iris:*')).map(key => /iris-doctor-\w+/.exec(key)?.[0]).find(Boolean)

  await t.test('the gateway has ended it', async t => {
    const tail = start(['tail', 'bob'], 'pipe')
    const said = text(tail.stderr as NodeJS.ReadableStream)
    await until(async () => JSON.stringify(await rows('bob')).includes('"online":true') || undefined)
    await iris.server('POST', 'users/bob/kick', { reason: 'x' })
    t.same(await once(tail, 'close'), [1, null])
    t.match(await said, /^It is over: .*\.\n$/m)
    t.same(await rows('bob'), [])
  })

  await t.test('there is no room for what it prints', { skip: noFull }, async t => {
    const tail = start(['tail', 'carol'], openSync('/dev/full', 'w'))
    t.match(await text(tail.stderr as NodeJS.ReadableStream), /cannot be written \(ENOSPC\)\.\n$/)
    t.same(await rows('carol'), [])
  })

  await t.test('who asked has heard enough', async t => {
    for await (const { of } of checksOutside({ url: iris.url, token: undefined, holdMs: 50, env })) if (of === 'stream') break
    t.same(await rows(await guest() as string), [])
  })
})

t.test('a gateway that is away is told of once, in words', async t => {
  const url = 'http://127.0.0.1:1'
  const lines: string[] = []
  const tell = tellStates(url, line => { lines.push(line) })
  const cause = Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) })
  const error = new IrisError('NETWORK', 'Nobody answers (TypeError: fetch failed): is the network there?', { cause })
  const away = { state: 'waiting', reason: error.message, transport: 'sse', error } as const
  tell({ state: 'live', reason: 'all is there', transport: 'sse' })
  for (let round = 0; round < 3; round++) for (const state of ['connecting', 'waiting'] as const) tell({ ...away, state })
  tell({ state: 'live', reason: 'all is there', transport: 'sse' })
  t.same(lines, [
    'live: all is there\n', `waiting: nobody answers at ${url} (nothing listens there: ECONNREFUSED)\n`, 'live: all is there\n'
  ])
})

t.test('where a gateway is, by its configuration', async t => {
  t.equal(addressOf({ host: '0.0.0.0', port: 1 }), 'http://127.0.0.1:1')
  t.equal(addressOf({ host: '::', port: 1 }), 'http://[::1]:1')
  t.equal(addressOf({ host: 'localhost', port: 1 }), 'http://localhost:1')
  t.equal(checkUrl('https://chat.example.com/'), 'https://chat.example.com')
  for (const url of ['chat.example.com', 'ftp://x', 'https://x/path', 'https://x/?q', 'https://u:p@x']) t.throws(() => checkUrl(url), /^--url must be/)
})

t.test('of the environment of another gateway its key alone counts; one that nobody has named does not leave this machine', async t => {
  const secrets = JSON.stringify({ tokenSecret: 't'.repeat(32), serverKey: 'made-up-for-this-machine' })
  const place = t.testdir({ '.iris': { 'secrets.json': secrets } })
  const dataDir = join(place, '.iris')
  const [near, far] = ['http://127.0.0.1:4747', 'https://chat.example.com']
  for (const env of [{ IRIS_HOST: '0.0.0.0' }, { IRIS_PORT: 'tcp://10.0.0.1:4747' }]) {
    t.match(await gatewayOf(far, { ...env, IRIS_SERVER_KEY: SERVER_KEY }), { url: far, key: SERVER_KEY }, 'as in the image, in Kubernetes')
  }
  const made = { key: 'made-up-for-this-machine', keyFile: join(dataDir, 'secrets.json') }
  t.same(await gatewayOf(far, { IRIS_DATA_DIR: dataDir }), { url: far, ...made }, 'it is named')
  const here = process.cwd()
  t.teardown(() => process.chdir(here))
  process.chdir(place)
  for (const env of [{}, { IRIS_DATA_DIR: '' }]) t.same(await gatewayOf(far, env), { url: far, key: undefined })
  for (const given of [undefined, near]) t.match(await gatewayOf(given, {}), { url: near, key: made.key, keyFile: /secrets\.json$/ })
})

t.test('what needs an address and a key alone judges nothing else of the environment', async t => {
  const env = { IRIS_PORT: '4800', IRIS_SERVER_KEY: SERVER_KEY }
  const needed = new Set([...Object.keys(env), 'IRIS_HOST', 'IRIS_DATA_DIR'])
  for (const name of ['IRIS_PROT', ...variables.keys()].filter(name => !needed.has(name))) {
    t.same(await gatewayOf(undefined, { ...env, [name]: 'nonsense' }), { url: 'http://127.0.0.1:4800', key: SERVER_KEY }, name)
  }
  t.match(await gatewayOf(undefined, { ...env, IRIS_HOST: '0.0.0.0' }), { url: 'http://127.0.0.1:4800' }, 'it has no part in its tokens')
  await t.rejects(gatewayOf(undefined, { ...env, IRIS_PORT: 'http' }), { message: /^IRIS_PORT must be / })
  await t.rejects(gatewayOf(undefined, { ...env, IRIS_SERVER_KEY: 'short' }), { message: /^IRIS_SERVER_KEY: each key must have / })
})

t.test('the banner says what is not ready for others, and nothing of it when all is', async t => {
  const facts = { address: 'http://10.0.0.1:80', made: [], version: '7.2.1', durability: 'disk' as const, reason: undefined }
  const config = {
    demo: false,
    whyNoDemo: 'IRIS_REDIS_URL is set',
    dataDir: '.iris',
    host: '10.0.0.1',
    redisUrl: 'redis://:secret@x',
    durability: 'disk' as const
  }
  const ready = bannerOf({ ...facts, config })
  t.match(ready, /Redis {6}7\.2\.1, as IRIS_REDIS_URL says, on disk before it is answered\n/)
  t.notMatch(ready, /secret|made up|Alice/)
  t.match(bannerOf({ ...facts, config, durability: 'memory' }), /this Redis does not keep it/)
  t.match(bannerOf({ ...facts, config, reason: 'it is away' }), /not there yet: it is away/)
})

t.test('where there is no demo page the start says why, to a person and in the log, and where the documents are', async t => {
  for (const [env, why] of [
    [{ IRIS_ALLOWED_ORIGINS: 'https://a.example' }, 'IRIS_ALLOWED_ORIGINS is set'],
    [{ IRIS_HOST: '::', IRIS_TOKEN_SECRET: 's'.repeat(32), IRIS_SERVER_KEY: SERVER_KEY, IRIS_PORT: '1' },
      'IRIS_HOST is not a loopback address; IRIS_TOKEN_SECRET and IRIS_SERVER_KEY are set']
  ] as const) {
    const config = loadConfig(env)
    const facts = { address: 'http://x', config, made: [], version: undefined, durability: undefined, reason: undefined }
    t.ok(bannerOf(facts).includes(`  demo page  none: ${why}\n  documents  http://x/docs\n`), bannerOf(facts))
    t.equal(placesOf(facts), `No demo page: ${why}  Documents: http://x/docs`)
  }
  const facts = { address: 'http://x', config: loadConfig({}), made: ['IRIS_SERVER_KEY'] }
  t.match(placesOf(facts), /^Demo page: http:\/\/x\/ {2}Documents: http:\/\/x\/docs {2}Keys: \S+secrets\.json$/)
})

t.test('a line of the log at a terminal: what is said, and the facts; nothing in it is an escape', async t => {
  const line = '{"level":40,"time":0,"pid":1,"hostname":"h","userId":"a","why":"x \\u001b[2J","msg":"so it is"}\n'
  t.match(readable(line), /^\d\d:\d\d:\d\d WARN so it is userId=a why="x \\u001b\[2J"\n$/)
  t.equal(readable('{no\n'), '{no\n')
  t.equal(readable('{"level":30,"time":0,"msg":"Server listening at http://x"}\n{no\n'), '{no\n', 'the banner says it')
})

/** Runs the command line in a shell, before or behind other words of it. */
async function shell (line: string) {
  const child = spawn('sh', ['-c', line.replace('iris-gateway', `${process.execPath} ${program}`)], {
    env: inherited, stdio: ['ignore', 'ignore', 'pipe']
  })
  return await text(child.stderr)
}

t.test('who reads no further ends it without a word; what cannot be written is said', async t => {
  t.equal(await shell('{ iris-gateway --help; echo $? >&2; } | true'), '141\n')
  if (noFull) return
  t.equal(await shell('iris-gateway --version > /dev/full; echo $? >&2'), 'What is to be printed cannot be written (ENOSPC).\n1\n')
})

t.test('what is taken back is waited for, whatever more cannot be printed', { skip: noFull }, async t => {
  const code = `import { watchForEnd } from ${JSON.stringify(new URL('../src/cli/ending.js', import.meta.url).href)}
    watchForEnd()(() => new Promise(resolve => setTimeout(resolve, 100)).then(() => process.stderr.write('taken back')))
    setInterval(() => process.stdout.write('x'), 10)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'] })
  const [said, [exit]] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), once(child, 'close') as Promise<[number]>])
  t.same([said, exit], ['What is to be printed cannot be written (ENOSPC).\ntaken back', 1])
})
