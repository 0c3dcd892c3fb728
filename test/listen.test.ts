// One server for all that a name means. docs/protocol.md section 3, "Answers".
import { once } from 'node:events'
import Fastify from 'fastify'
import t from 'tap'
import { listen } from '../src/listen.js'
import { sheddable, shedRequests } from '../src/plugins/overload.js'

t.test('[DEADLINE-2] at each address of localhost the same server answers, and refuses', async t => {
  const load = { isTooMuch: true }
  const app = Fastify()
  app.get('/v1/something', async () => ({}))
  shedRequests(app.server, { mayShed: sheddable(new Set()), refuses: () => load.isTooMuch, headersOf: () => ({}) })
  const addressesOf = async () => ['127.0.0.1', '127.0.0.2', '203.0.113.1'] // the last one is nobody's
  const { port } = new URL(await listen(app, { host: 'localhost', port: 0, addressesOf }))
  const addresses = ['127.0.0.1', '127.0.0.2']
  for (const expected of [503, 200]) {
    for (const address of addresses) t.equal((await fetch(`http://${address}:${port}/v1/something`)).status, expected, address)
    load.isTooMuch = false
  }
  const closed = once(app.server, 'close')
  await app.close()
  await closed
  for (const address of addresses) await t.rejects(fetch(`http://${address}:${port}/v1/something`), `${address} is left, too`)
})
