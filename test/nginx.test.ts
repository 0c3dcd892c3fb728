// The site of deploy/nginx, as it stands but for its addresses, before a real Iris: what a proxy must not break.
import t from 'tap'
import { checksOutside } from '../src/cli/outside.js'
import { makeCertificate, noOpenssl } from './helper/certificate.js'
import { connectClient } from './helper/client.js'
import { findingsOf } from './helper/findings.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { deployed, noNginx, startNginx } from './helper/nginx.js'
import { freePort } from './helper/process.js'
import { throughProxy } from './helper/proxied.js'
import { openWs } from './helper/ws.js'

t.test('through nginx with TLS, by the site of deploy/nginx', { skip: noNginx || noOpenssl }, async t => {
  await throughProxy(t, async (t, upstream) => {
    const [port, plain] = [await freePort(), await freePort()]
    const { cert, key } = makeCertificate(t)
    const site = deployed('nginx/site.conf')
      .replace('127.0.0.1:4747', upstream)
      .replaceAll(/^ *listen \[::\]:.*\n/gm, '')
      .replace('listen 80;', `listen 127.0.0.1:${plain};`)
      .replace('listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`)
      .replace('/etc/letsencrypt/live/chat.example.com/fullchain.pem', cert)
      .replace('/etc/letsencrypt/live/chat.example.com/privkey.pem', key)
      .replace('include snippets/iris.conf', 'include iris.conf')
    const url = `https://localhost:${port}`
    await startNginx(t, { http: site, files: { 'iris.conf': deployed('nginx/iris.conf') }, url })
    const redirected = await fetch(`http://127.0.0.1:${plain}/docs`, { redirect: 'manual' })
    t.equal(redirected.status, 301)
    t.match(redirected.headers.get('location'), /^https:\/\/127\.0\.0\.1\/docs$/)
    t.equal((await fetch(`http://127.0.0.1:${plain}/.well-known/acme-challenge/x`, { redirect: 'manual' })).status, 404, 'certbot is asked here')
    t.equal((await fetch(`${url}/metrics`)).status, 404, 'what is not for everybody is not handed on')
    return url
  })
})

t.test('nginx takes the configuration of compose.yaml', { skip: noNginx }, async t => {
  const port = await freePort()
  const http = deployed('nginx/compose.conf')
    .replace('server iris:4747', 'server 127.0.0.1:1')
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('include snippets/iris.conf', 'include iris.conf')
  await startNginx(t, { http, files: { 'iris.conf': deployed('nginx/iris.conf') }, url: `http://127.0.0.1:${port}` })
  t.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 404)
})

t.test('on a product\'s host, as docs/deploy.md says: Iris has what is below /v1/, the product all else', { skip: noNginx }, async t => {
  const iris = await startIris(t, { env: { IRIS_TRUST_PROXY: '127.0.0.1' } })
  const url = `http://127.0.0.1:${await freePort()}`
  const own = deployed('nginx/iris.conf')
    .replace('location / {', 'location /v1/ {')
    .replace(/^client_max_body_size.*$/m, '')
    .replaceAll(/^location .*$/gm, '$&\n  client_max_body_size 64k;')
  const http = `upstream iris { server ${new URL(iris.url).host}; keepalive 64; }
    server {
      listen ${new URL(url).host};
      location / { return 200 "the product"; }
      ${own}
    }`
  await startNginx(t, { http, url })
  for (const path of ['/', '/docs', '/metrics', '/readyz']) t.equal(await (await fetch(url + path)).text(), 'the product', path)
  const post = async (path: string) => (await fetch(url + path, { method: 'POST', body: 'x'.repeat(70_000) })).status
  t.same([await post('/upload'), await post('/v1/up/msg')], [200, 413], 'what the product takes is its own')
  for (const transport of ['sse', 'poll', 'websocket'] as const) {
    const { client, is, some } = connectClient(t, { url: `${url}/`, token: iris.token }, `by-${transport}`, { transports: [transport] })
    await is('live')
    await client.send('bob', 'hi')
    t.match(await some('message'), { content: { text: 'hi' } }, transport)
    client.close()
  }
  const ws = await openWs(`${url}/v1/ws`, { headers: { authorization: `Bearer ${await iris.token('alice')}`, origin: url } })
  await ws.next('IRIS.READY') // no IRIS_ALLOWED_ORIGINS
  await ws.cut()
  const look = async () => await findingsOf(checksOutside({ url, token: undefined, holdMs: 200, env: { IRIS_SERVER_KEY: SERVER_KEY } }))
  const found = await look()
  t.match(found[0], { verdict: 'ok', of: 'address', found: `Iris answers at ${url}/v1/, and something else beside it` })
  t.match(found.filter(({ verdict }) => verdict !== 'ok'), [{ verdict: 'warn', of: 'gateway', found: /\/readyz is not handed on$/ }])
  t.equal(found.length, 9)
  await iris.app.close()
  t.match(await look(), [{ verdict: 'fail', of: 'address', found: `what answers at ${url} is no Iris (200, and below /v1/ 502)` }])
})
