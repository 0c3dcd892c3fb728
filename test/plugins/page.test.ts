// What stands behind the demo page: it is for this machine's own browser, and for the demo users alone.
import http from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { startIris } from '../helper/iris.js'

const iris = await startIris(t, { demo: true })
const kick = { userId: 'alice', except: 'web-1' }

/** Asks as a browser would; `headers` say what it says of itself. */
async function ask (path: string, { headers = {}, body }: { headers?: Record<string, string>, body?: object } = {}) {
  const url = new URL(path, iris.url)
  return await new Promise<{ status: number | undefined, cache: string | undefined, text: string }>((resolve, reject) => {
    const request = http.request(url, {
      method: body ? 'POST' : 'GET',
      agent: false,
      headers: { host: url.host, ...(body && { 'content-type': 'application/json' }), ...headers }
    }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
        .on('end', () => resolve({ status: response.statusCode, cache: response.headers['cache-control'], text }))
    })
    request.on('error', reject).end(body && JSON.stringify(body))
  })
}

const doors = [['/demo/users'], ['/demo/kick', kick], ['/metrics']] as const

/** What Chromium, Firefox, Safari, curl, fetch of Node, Java's HttpClient, Prometheus and this protocol's clients send of themselves. */
const ownHeaders = [
  'accept', 'accept-charset', 'accept-encoding', 'accept-language', 'authorization', 'cache-control', 'cookie', 'dnt', 'http2-settings',
  'if-modified-since', 'if-none-match', 'keep-alive', 'pragma', 'priority', 'range',
  'save-data', 'sec-ch-ua', 'sec-ch-ua-platform', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-user', 'sec-gpc', 'te',
  'upgrade-insecure-requests', 'user-agent', 'x-requested-with', 'x-prometheus-scrape-timeout-seconds',
  'last-event-id', 'terminal-id', 'trace-id', 'traceparent', 'tracestate', 'baggage'
]
const neighbours = [
  ...ownHeaders.map(name => ({ [name]: 'x' })), { connection: 'keep-alive' },
  ...['127.0.0.2', '127.0.0.2:4747', '127.255.255.254', 'LOCALHOST:1', '[::1]:4747', '[::ffff:127.0.0.1]'].map(host => ({ host })),
  { host: '127.0.0.2:4747', origin: 'http://127.0.0.2:4747', referer: 'http://127.0.0.2:4747/' },
  {}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, { host: 'localhost:4747' }, { host: '[::1]' },
  { host: 'localhost:4747', origin: 'http://localhost:4747', referer: 'http://localhost:4747/' }
]
/** Another site, a foreign name that leads here, and proxies of all kinds. */
const strangers = [
  ...['cross-site', 'same-site'].map(site => ({ 'sec-fetch-site': site })),
  ...[
    'evil.example', 'localhost.evil.example', '127.0.0.1.nip.io:80', '10.0.0.1', '128.0.0.1', '127.0.0.1.', '127.1', '[::2]', 'x.localhost'
  ].map(host => ({ host })),
  ...['https://evil.example', 'null', 'http://localhost:1', 'http://localhost:4747.evil.example']
    .map(origin => ({ host: 'localhost:4747', origin })),
  ...['https://evil.example/', 'http://localhost:47470/', 'http://localhost:4747.evil.example/']
    .map(referer => ({ host: 'localhost:4747', referer })),
  ...[
    'forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-anything', 'x-real-ip', 'x-client-ip',
    'true-client-ip', 'x-cluster-client-ip', 'x-original-forwarded-for', 'x-original-url',
    'x-envoy-external-address', 'x-amzn-trace-id', 'x-azure-clientip', 'cf-connecting-ip', 'cf-ray', 'cdn-loop', 'fastly-client-ip',
    'fly-client-ip', 'tailscale-user-login',
    // whatever else somebody in between may add: of hosts, of meshes, of traces, of scanners, and one that nobody has invented yet
    'x-request-id', 'x-correlation-id', 'x-b3-traceid', 'b3', 'uber-trace-id', 'x-cloud-trace-context', 'x-ms-proxy', 'x-arr-log-id',
    'x-nf-client-connection-ip', 'x-vercel-id', 'x-real-port', 'x-remote-user', 'x-auth-request-user', 'remote-user',
    'x-scheme', 'x-https', 'ssl-client-cert', 'front-end-https', 'wl-proxy-client-ip', 'proxy-client-ip', 'proxy-connection',
    'surrogate-capability', 'x-varnish', 'x-haproxy-id', 'x-ngrok-id', 'x-bluecoat-via', 'max-forwards', 'remote-addr',
    'client-ip', 'true-ip', 'device-stock-ua', 'x-att-deviceid', 'cloudfront-viewer-country', 'x-amz-cf-id', 'section-io-id',
    'incap-client-ip', 'x-sucuri-clientip', 'x-edge-ip', 'accepted-by', 'ifx', 'second'
  ].map(name => ({ [name]: '127.0.0.1' }))
]

for (const [path, body] of doors) {
  t.test(`${path} answers this machine's own browser, and keeps its answer out of every cache`, async t => {
    for (const headers of neighbours) {
      t.match(await ask(path, { headers, ...(body && { body }) }), { status: 200, cache: 'no-store' }, JSON.stringify(headers))
    }
  })

  t.test(`${path} is not there for another site, under a name of its own that leads here, or behind a proxy`, async t => {
    const refusal = path === '/metrics' ? { status: 401, code: 'UNAUTHENTICATED' } : { status: 404, code: 'NOT_FOUND' }
    for (const headers of strangers) {
      const { status, text } = await ask(path, { headers, ...(body && { body }) })
      t.same({ status, code: (JSON.parse(text) as { code: string }).code }, refusal, JSON.stringify(headers))
    }
  })
}

t.test('nginx with a bare proxy_pass adds no header and sends the local name, but speaks HTTP/1.0', async t => {
  const { hostname, port } = new URL(iris.url)
  for (const path of ['/demo/users', '/metrics']) {
    const socket = connect(Number(port), hostname)
    socket.end(`GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
    t.match(await text(socket), path === '/metrics' ? /^HTTP\/1\.1 401 / : /^HTTP\/1\.1 404 /)
  }
})

t.test('kick is that of the other windows', async t => {
  const alice = await iris.user(t, 'alice')
  const stream = await alice.listen()
  await stream.next('IRIS.READY')
  const { terminalId } = (stream.events[0]?.data.data ?? {}) as { terminalId: string }
  t.same(JSON.parse((await ask('/demo/kick', { body: { userId: 'alice', except: terminalId } })).text), { kicked: [] })
  t.same(JSON.parse((await ask('/demo/kick', { body: { userId: 'alice', except: 'another' } })).text), { kicked: [terminalId] })
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
})

t.test('only the demo users can be kicked here, and a bad body is told', async t => {
  for (const [body, pointer] of [
    [{ userId: 'carol', except: 'x' }, '/userId'], [{ userId: 'alice' }, '/except'], [{ userId: 'alice', except: 7 }, '/except']
  ] as const) {
    const { status, text } = await ask('/demo/kick', { body })
    t.equal(status, 400)
    t.match(text, pointer)
  }
})
