// URLs that lead inside: none of them reaches anything. Servers on loopback count who connects. [WEBHOOK-2]
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import t from 'tap'
import { type AllowedOrigin, isPublic, parseAllowed, parseCallUrl } from '../../src/webhooks/address.js'
import { createCaller, type Resolve, troubleOf } from '../../src/webhooks/caller.js'

let connections = 0
async function listen (server: Server, host: string, port = 0): Promise<number> {
  await once(server.listen(port, host), 'listening')
  t.teardown(() => { server.close() })
  return (server.address() as AddressInfo).port
}
const counting = () => createServer(socket => {
  connections++
  socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
})
const port = await listen(counting(), '127.0.0.1')
await listen(counting(), '::1', port).catch(() => undefined) // a machine may have none
const redirecting = createHttp((_request, response) => response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end())
t.teardown(() => redirecting.closeAllConnections())
const door = await listen(redirecting, '127.0.0.1')

const none: AllowedOrigin[] = []
const inside = (...addresses: string[]): Resolve => async () => addresses

/** Calls a URL as a target is called. @returns why it was refused, or what became of it. */
async function call (
  text: string, { allowed = none, resolve = inside('127.0.0.1') }: { allowed?: AllowedOrigin[], resolve?: Resolve } = {}
) {
  const parsed = parseCallUrl(text, allowed)
  if ('fault' in parsed) return `refused: ${parsed.fault}`
  const caller = createCaller(parsed, { connections: 1, resolve })
  try {
    const { status } = await caller.post({ headers: {}, body: '{}', timeoutMs: 400 })
    return `answered: ${status}`
  } catch (error) {
    return `failed: ${troubleOf(error)}`
  } finally {
    await caller.close()
  }
}

const named = [
  '127.0.0.1', '127.1', '2130706433', '017700000001', '0x7f000001', '0x7f.0x0.0x0.0x1', '0177.0.0.01', '127.0.0.1.', '127.255.255.254',
  '0.0.0.0', '0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '169.254.169.254', '168.63.129.16',
  '192.0.0.192', '198.18.0.1', '224.0.0.1', '255.255.255.255', '%31%32%37.0.0.1', '１２７.0.0.1', '①②⑦.⓪.⓪.①', '127。0。0。1',
  '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[0:0:0:0:0:ffff:a00:1]', '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]', '[2001::1]', '[fe80::1]', '[fec0::1]', '[fd00:ec2::254]', '[fc00::1]', '[ff02::1]',
  '[2001:db8::1]', 'localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'backend', 'metadata.google.internal', 'printer.local'
]

t.test('[WEBHOOK-2] hosts that lead inside by their spelling are refused before anything is asked', async t => {
  for (const host of named) t.match(await call(`https://${host}:${port}/`), /^refused: must /, host)
})

t.test('[WEBHOOK-2] so is what no webhook needs', async t => {
  for (const url of [
    `http://example.com:${port}/`, `ftp://example.com:${port}/`, 'file:///etc/passwd', 'javascript:0', '//example.com', '/hooks', '',
    'https://', 'https://user:secret@example.com/', `https://example.com@127.0.0.1:${port}/`, `https://127.0.0.1:${port}\\@example.com/`,
    'https://example.com/#fragment', 'https://example.com:22/', 'https://example.com:25/', 'https://example.com:80/', 'https://example.com:0/',
    'https://example.com:99999/', `https://example.com/${'x'.repeat(2_048)}`
  ]) t.match(await call(url), /^refused: must /, url)
})

t.test('[WEBHOOK-2] a public name that leads inside is not dialled, whichever of its addresses does', async t => {
  const answers: Record<string, string[]> = {
    'a private one': ['10.0.0.1'],
    loopback: ['127.0.0.1'],
    'of IPv6, too': ['::1'],
    'one in an address of IPv6': ['::ffff:127.0.0.1'],
    'one of several': ['93.184.215.14', '127.0.0.1'],
    'one behind NAT64': ['64:ff9b::7f00:1'],
    'that of the metadata': ['169.254.169.254'],
    none: []
  }
  for (const [what, addresses] of Object.entries(answers)) {
    t.equal(await call(`https://rebind.example.com:${port}/`, { resolve: inside(...addresses) }),
      'failed: its host leads to a private or reserved address', what)
  }
})

t.test('[WEBHOOK-2] a name is asked for once: what is dialled is what was checked', async t => {
  let asked = 0
  // public when it is checked, loopback for whoever asks again; there is no way to the first, or nothing listens
  const resolve: Resolve = async () => ++asked === 1 ? ['2a00::1'] : ['127.0.0.1']
  t.match(await call(`https://rebind.example.com:${port}/`, { resolve }), /^failed: (?!its host)/)
  t.equal(asked, 1)
})

t.test('[WEBHOOK-2] a redirect is an answer, and is not followed', async t => {
  const allowed = [parseAllowed(`http://127.0.0.1:${door}`) as AllowedOrigin]
  t.equal(await call(`http://127.0.0.1:${door}/`, { allowed }), 'answered: 307')
  t.match(await call(`http://127.0.0.1:${port}/`, { allowed }), /^refused/, 'another port is another origin')
  t.match(await call(`https://127.0.0.1:${door}/`, { allowed }), /^refused/, 'another scheme, too')
  t.match(await call(`http://localhost:${door}/`, { allowed }), /^refused/, 'another name, too')
})

t.test('[WEBHOOK-2] nothing of all that was reached', async t => {
  t.equal(connections, 0)
  const allowed = [parseAllowed('http://127.0.0.1:*') as AllowedOrigin]
  t.equal(await call(`http://127.0.0.1:${port}/`, { allowed }), 'answered: 200', 'the servers do count')
  t.equal(connections, 1)
})

t.test('[WEBHOOK-2] items of the list of what is allowed, and addresses that are public', async t => {
  t.same(['http://backend:3000', 'https://Backend', 'http://[::1]:*', 'http://127.1:80'].map(parseAllowed), [
    { protocol: 'http:', hostname: 'backend', port: '3000' },
    { protocol: 'https:', hostname: 'backend', port: '443' },
    { protocol: 'http:', hostname: '[::1]', port: '' },
    { protocol: 'http:', hostname: '127.0.0.1', port: '80' }
  ])
  for (const text of ['backend:3000', 'ftp://a', 'http://a/path', 'http://*:80', 'http://a b', 'http://u@a', 'http://a:x', '*']) {
    t.equal(parseAllowed(text), undefined, text)
  }
  for (const address of ['93.184.215.14', '1.1.1.1', '2606:2800:21f:cb07:6820:80da:af6b:8b2c']) t.ok(isPublic(address), address)
  t.notOk(isPublic('example.com'))
  t.notOk('fault' in parseCallUrl('https://bücher.example.com:8443/hooks?a=1', []), 'a public name, in whatever letters')
})
