// examples/back-end, as its README says to run it: what a product does with its chat, told with two users. docs/protocol.md section 8.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { freePort } from './helper/process.js'
import { secretOf } from './helper/receiver.js'
import { createUser, dm, granted, until, type User } from './helper/user.js'

const home = fileURLToPath(new URL('../../examples/back-end/', import.meta.url))
const port = await freePort()
const url = `http://127.0.0.1:${port}`
const directory = mkdtempSync(join(tmpdir(), 'iris-back-end-'))
t.teardown(() => rmSync(directory, { recursive: true }))

const readme = readFileSync(`${home}README.md`, 'utf8')
const [start = '', ask = ''] = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block.replaceAll(':3000', `:${port}`))
/** Runs a block of the README as a shell does; with these programs before all others. */
const shell = async (block: string, programs = '') => {
  const env = { PATH: `${programs}:${process.env['PATH']}`, PLAYED: directory }
  return (await promisify(execFile)('bash', ['-ec', block], { cwd: join(directory, 'root'), env })).stdout
}

/** What the README's commands start Iris and the example with: they run as they stand, but where they would start or ask something. */
async function environments (): Promise<Record<'iris' | 'example', Record<string, string>>> {
  const [programs, example] = [join(directory, 'programs'), join(directory, 'root/examples/back-end')]
  for (const path of [programs, example, join(directory, 'root/.iris')]) mkdirSync(path, { recursive: true })
  writeFileSync(join(directory, 'root/.iris/secrets.json'), JSON.stringify({ tokenSecret: 'unused', serverKey: SERVER_KEY }, null, 2))
  writeFileSync(join(programs, 'curl'), '#!/bin/sh\n')
  writeFileSync(join(programs, 'npm'), '#!/bin/sh\n[ "$1" != start ] || env -0 > "$PLAYED/$(basename "$PWD").env"\n')
  for (const program of ['curl', 'npm']) chmodSync(join(programs, program), 0o755)
  await shell(`${start}wait`, programs)
  const read = (name: string) => Object.fromEntries(readFileSync(join(directory, `${name}.env`), 'utf8').split('\0').filter(Boolean)
    .map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
  return { iris: read('root'), example: read('back-end') }
}

/** The secret before this one. */
const OLD_SECRET = secretOf('o')
const env = await environments()
const told = Object.fromEntries(Object.entries(env.iris).filter(([name]) => name.startsWith('IRIS_')))
// where the machine is too busy to ask, a message is to wait, not to pass
const iris = await startIris(t, { env: { ...told, IRIS_HOOK_MESSAGE_ON_FAILURE: 'deny' } })
/** It is not there at first. */
const evidence = join(directory, 'kept/evidence.ndjson')

interface Line {
  msg: string
  reqId?: string
  push?: { to: string, badge: number, id: string }
  req?: { url: string }
  res?: { statusCode: number }
}

/** Starts the example, and waits until it listens or has ended. */
async function startExample (t: Test, more: Record<string, string> = {}) {
  const child = spawn(process.execPath, [`${home}server.js`], {
    env: { ...env.example, GATEWAY: iris.url, PORT: String(port), EVIDENCE: evidence, ...more }, stdio: ['ignore', 'pipe', 'pipe']
  })
  const exited = once(child, 'close') as Promise<[number | null]>
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines: Line[] = []
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString() })
  createInterface({ input: child.stdout }).on('line', line => lines.push(JSON.parse(line) as Line))
  await until(async () => child.exitCode !== null || lines.some(({ msg }) => msg.startsWith('Server listening')) || undefined)
  return {
    exited,
    errors: () => errors,
    /** Ends it in order: all that it has logged is there then. */
    async end (): Promise<void> {
      child.kill('SIGTERM')
      t.same(await exited, [0, null])
    },
    pushes: () => lines.flatMap(({ push }) => push ?? []),
    /** How what Iris said was answered. */
    answers (path: string): (number | undefined)[] {
      const asked = new Set(lines.filter(({ req }) => req?.url === path).map(({ reqId }) => reqId))
      return lines.filter(({ res, reqId }) => res && asked.has(reqId)).map(({ res }) => res?.statusCode)
    }
  }
}

/** Calls the example as an app does. */
const call = async (method: string, path: string, who: string) =>
  await fetch(url + path, { method, headers: { authorization: `Basic ${Buffer.from(who).toString('base64')}` } })

async function app (method: string, path: string, who: string) {
  const response = await call(method, path, who)
  return { status: response.status, body: await response.json() as Record<string, unknown> }
}

/** Sends a text as a client does: again under its id while the answer is that this may be tried again. */
async function say (from: User, to: User, text: string) {
  return await until(async () => {
    const answer = await from.send(to, text, { clientMsgId: text.replaceAll(/\W/g, '') })
    return answer.body['retryable'] === true ? undefined : answer
  })
}

async function login (t: Test, who: string) {
  const response = await call('GET', '/my/token', who)
  t.equal(response.status, 200)
  t.equal(response.headers.get('cache-control'), 'no-store')
  return createUser(t, { url: iris.url, userId: who.split(':')[0] ?? '', token: await response.text() })
}

t.test('[WEBHOOK-3] [WEBHOOK-5] [HOOK-2] [EVENT-2] [EVENT-4] [USER-1] users of a product sign in, are pushed to, denied, recalled, ' +
  'deleted', async t => {
  const example = await startExample(t, { IRIS_WEBHOOK_SECRET: `${OLD_SECRET},${env.example['IRIS_WEBHOOK_SECRET']}` })
  for (const who of ['bob:wonderland', 'bob', 'carol:', '']) t.equal((await app('GET', '/my/token', who)).status, 401, who)
  const [alice, bob] = [await login(t, 'alice:wonderland'), await login(t, 'bob:builder')]

  t.comment('bob is there: nobody pushes; then he leaves')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const { status, body } = await say(alice, bob, 'hi')
  t.equal(status, 200, JSON.stringify(body))
  t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'hi' } })
  await stream.cut()
  await until(async () => !(await iris.redis.smembers(keys.foreground(partition('bob')))).includes('bob') || undefined)
  const { body: { seq } } = granted(await say(alice, bob, 'are you there?'))
  await until(async () => example.pushes()[0])
  t.same(example.pushes(), [{ to: 'bob', badge: 2, id: `${dm(alice, bob)}/${seq}` }])
  t.match(await shell(ask), /^ey\S+\n{"unread":2}$/m)

  t.comment('what alice must not say is not said, and pushed to nobody; what she takes back is kept for the product')
  t.match(await say(alice, bob, 'Come to the CASINO'), {
    status: 403, body: { code: 'DENIED', hookCode: 'BAD_WORD', detail: 'We do not say "casino" here' }
  })
  t.match(await say(alice, bob, 'never mind'), { status: 200, body: { seq: 3 } })
  t.equal((await alice.revoke({ conversationId: dm(alice, bob), seq })).status, 200)
  await until(async () => example.answers('/iris/events').includes(500) || undefined)
  mkdirSync(join(directory, 'kept')) // its disk is there again: Iris tells it once more
  const kept = await until(async () => {
    try { return readFileSync(evidence, 'utf8') || undefined } catch { return undefined }
  })
  t.match(JSON.parse(kept), {
    conversationId: dm(alice, bob), seq, from: 'alice', by: 'alice', message: { content: { text: 'are you there?' } }
  })
  t.equal(statSync(evidence).mode & 0o777, 0o600)
  await until(async () => example.pushes().length === 2 || undefined)
  t.same(example.pushes().map(({ id }) => id.split('/')[1]), ['2', '3'])

  t.comment('bob deletes his account')
  t.match(await app('DELETE', '/account', 'bob:builder'), { status: 200, body: { done: true } })
  t.equal((await app('GET', '/my/token', 'bob:builder')).status, 401)
  t.match(await bob.time({}), { status: 401 })
  t.match((await iris.server('GET', 'users/bob/conversations')).body, { items: [], totalUnread: 0 })

  t.comment('whatever Iris has said was signed, and each thing was done once')
  await example.end()
  t.notOk([...example.answers('/iris/events'), ...example.answers('/iris/before')].includes(401))
  t.equal(example.pushes().length, 2)
  t.equal(readFileSync(evidence, 'utf8').split('\n').length, 2)
})

t.test('[WEBHOOK-3] [WEBHOOK-4] what is not signed by Iris is refused, what comes twice is done once', async t => {
  const example = await startExample(t)
  const secret = env.example['IRIS_WEBHOOK_SECRET'] ?? ''
  const event = (seq: number) =>
    JSON.stringify({ type: 'message.sent', data: { conversationId: 'c', seq, offline: [{ userId: 'bob', unread: 1 }] } })

  /** Says what is signed, or is not. */
  async function tell (body: string, { id = 'evt_1', at = new Date(), signs = secret, said = body, type = 'application/json' } = {}) {
    const headers = {
      'content-type': type,
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(signs).sign(id, at, body)
    }
    return (await fetch(`${url}/iris/events`, { method: 'POST', headers, body: said })).status
  }

  for (const [how, options] of Object.entries({
    'by another secret': { signs: OLD_SECRET },
    'by that of the hook': { signs: env.example['IRIS_HOOK_SECRET'] ?? '' },
    'another body': { said: event(2) },
    'no body': { said: '' },
    'the same JSON in other bytes': { said: `${event(1)} ` },
    'long ago': { at: new Date(Date.now() - 600_000) }
  })) t.equal(await tell(event(1), options), 401, how)
  t.equal((await fetch(`${url}/iris/before`, { method: 'POST' })).status, 401)
  t.equal(await tell(event(1), { type: 'text/html' }), 415)

  t.same(await Promise.all([tell(event(1)), tell(event(1))]), [204, 204])
  t.equal(await tell(event(1), { at: new Date(Date.now() - 2_000) }), 204)
  t.equal(await tell(event(2), { id: 'evt_2' }), 204)
  t.equal(await tell('{"type":"toString","data":{}}', { id: 'evt_3' }), 204, 'a kind that it does not know')

  const silent = connect(port, '127.0.0.1')
  t.teardown(() => silent.destroy())
  await once(silent, 'connect')
  await example.end() // nor does who is connected and says nothing hold it up
  t.same(example.pushes().map(({ id }) => id), ['c/1', 'c/2'])
})

t.test('without a secret it does not start, and says which', async t => {
  const example = await startExample(t, { IRIS_HOOK_SECRET: '' })
  t.same(await example.exited, [1, null])
  t.match(example.errors(), /IRIS_HOOK_SECRET must be set/)
})
