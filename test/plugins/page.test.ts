// What stands behind the demo page: it is for this machine's own browser, and for the demo users alone.
import http from 'node:http'
import t from 'tap'
import { startIris } from '../helper/iris.js'

const iris = await startIris(t, { demo: true })
const kick = { userId: 'alice', except: 'web-1' }

/** Asks as a browser would; `headers` say what it says of itself. */
async function ask (path: string, { headers = {}, body }: { headers?: Record<string, string>, body?: object } = {}) {
  const url = new URL(path, iris.url)
  return await new Promise<{ status: number | undefined, cache: string | undefined, text: string }>((resolve, reject) => {
    const request = http.request(url, { method: body ? 'POST' : 'GET', agent: false, headers: { host: url.host, ...(body && { 'content-type': 'application/json' }), ...headers } }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
        .on('end', () => resolve({ status: response.statusCode, cache: response.headers['cache-control'], text }))
    })
    request.on('error', reject).end(body && JSON.stringify(body))
  })
}

const doors = [['/demo/users'], ['/demo/presence'], ['/demo/kick', kick]] as const

for (const [path, body] of doors) {
  t.test(`${path} answers the page, and keeps its answer out of every cache`, async t => {
    for (const headers of [{}, { 'sec-fetch-site': 'same-origin' }, { host: 'localhost:4747' }, { host: '[::1]' }]) {
      t.match(await ask(path, { headers, ...(body && { body }) }), { status: 200, cache: 'no-store' })
    }
  })

  t.test(`${path} is not there for another site, nor under a name of its own that leads here`, async t => {
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { host: 'evil.example' }, { host: 'localhost.evil.example' }, { host: '127.0.0.1.nip.io:80' }]) {
      const { status, text } = await ask(path, { headers, ...(body && { body }) })
      t.equal(status, 404)
      t.match(JSON.parse(text), { code: 'NOT_FOUND' })
    }
  })
}

t.test('[LIFE-1] presence is that of the demo users, kick that of the other windows', async t => {
  const alice = await iris.user(t, 'alice')
  const stream = await alice.listen()
  await stream.next('IRIS.READY')
  t.same(JSON.parse((await ask('/demo/presence')).text), { items: [{ userId: 'alice', online: true }, { userId: 'bob', online: false }] })
  const { terminalId } = (stream.events[0]?.data.data ?? {}) as { terminalId: string }
  t.same(JSON.parse((await ask('/demo/kick', { body: { userId: 'alice', except: terminalId } })).text), { kicked: [] })
  t.same(JSON.parse((await ask('/demo/kick', { body: { userId: 'alice', except: 'another' } })).text), { kicked: [terminalId] })
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
})

t.test('only the demo users can be kicked here, and a bad body is told', async t => {
  for (const [body, pointer] of [[{ userId: 'carol', except: 'x' }, '/userId'], [{ userId: 'alice' }, '/except'], [{ userId: 'alice', except: 7 }, '/except']] as const) {
    const { status, text } = await ask('/demo/kick', { body })
    t.equal(status, 400)
    t.match(text, pointer)
  }
})
