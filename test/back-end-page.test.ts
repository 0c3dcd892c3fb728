// docs/back-end.md: its commands, run as they stand, from top to bottom, and a signature looked at by hand, as it says. Section 8.
import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { blocksIn, textOf } from './helper/documents.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { ALLOW } from './helper/receiver.js'

const told: { headers: IncomingHttpHeaders, body: string }[] = []
const backEnd = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (text: string) => { body += text }).on('end', () => {
    told.push({ headers: request.headers, body })
    response.writeHead(204).end()
  })
})
await once(backEnd.listen(0, '127.0.0.1'), 'listening')
t.teardown(() => backEnd.close())

const directory = mkdtempSync(join(tmpdir(), 'iris-back-end-page-'))
t.teardown(() => rmSync(directory, { recursive: true }))
mkdirSync(join(directory, '.iris'))
writeFileSync(join(directory, '.iris/secrets.json'), JSON.stringify({ serverKey: SERVER_KEY }, null, 2))

/** What it says an Iris must be started with. */
const started = /`((?:IRIS_\w+=\S+ )*)npm start`/.exec(textOf('docs/back-end.md'))?.[1]?.trim().split(' ') ?? []
const env = Object.fromEntries(started.map(pair => pair.split('=')) as [string, string][])
const iris = await startIris(t, { env: { ...ALLOW, ...env } })
const commands = blocksIn('docs/back-end.md', 'sh').join('\n').replaceAll('http://127.0.0.1:4747', iris.url)
  .replaceAll('https://example.com/iris', `http://127.0.0.1:${(backEnd.address() as AddressInfo).port}/iris`)
const { stdout } = await promisify(execFile)('bash', ['-ec', commands], { cwd: directory, timeout: 20_000 })

t.test('[WEBHOOK-8] [SERVER-5] [DIRECT-2] [MUTE-1] [USER-1] [NOTICE-1] [DELIVERY-3] each command does what it is there for', async t => {
  t.notMatch(stdout, 'urn:iris:problem')
  let rest = stdout
  for (const said of [
    /"token":"/, /"created":true,"conversationId":"g.order-7"/, /"clientMsgId":"paid-7"/, /"totalUnread":1/, /"kicked":\[\],"tokensFrom"/,
    /"userId":"carol","done":true/,
    /"clientMsgId":"m-1",.*"duplicate":false/, /"created":true,"conversationId":"g.team"/, /"created":true,"webhookId":"push"/,
    /"delivered":true,.*"status":204/, /"items":\[\{.*"seq":1,.*"text":"hi"/, /"alreadyRevoked":false/, /"totalUnread":0/,
    /"userId":"alice",.*"created":true/, /"items":\[\{"userId":"alice","since":\d+\}\]/, /"userId":"alice","removed":true/,
    /"userId":"alice",[^}]*"mutedUntil":\d{13}\}/, /"conversationId":"g.team"(?!.*mutedUntil)/,
    /^\{"end":true,"conversationId":"dm.alice.xavier",.*"count":1\}$/m, /"items":\[\{"conversationId":"/, /"userId":"alice","done":true/,
    /"noticeId":"down-7","stored":1/, /"cancelled":1/, /"userId":"xavier",.*"message":\{"conversationId":"dm.alice.xavier","seq":1/
  ]) {
    t.match(rest, said)
    const { 0: found = '', index = 0 } = said.exec(rest) ?? {}
    rest = rest.slice(index + found.length) // each behind the one before
  }
})

t.test('[WEBHOOK-3] a signature that is made by hand, as the page says, is that of Iris', async t => {
  const secret = /"secrets":\["whsec_([^"]+)"\]/.exec(stdout)?.[1] ?? ''
  const [{ headers, body } = { headers: {}, body: '' }] = told
  const signed = createHmac('sha256', Buffer.from(secret, 'base64'))
    .update(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`).digest('base64')
  t.ok(String(headers['webhook-signature']).split(' ').includes(`v1,${signed}`))
  t.equal((JSON.parse(body) as { type: string }).type, 'webhook.test')
})
