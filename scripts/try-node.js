// node scripts/try-node.js <version>: Iris on another Node, fetched when it is missing: started, one chat, stopped.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ensureBuild, ensureModules, ensureRedisServer, fail, root, say } from './bootstrap.js'
import { fetchNode } from './node.js'

const WITHIN_MS = 30_000
const [version = ''] = process.argv.slice(2)

ensureModules()
ensureRedisServer()
ensureBuild()
const dataDir = mkdtempSync(join(tmpdir(), 'iris-try-'))
process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }))
const iris = spawn(nodeOf(version), [join(root, 'build/src/server.js')], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { PATH: process.env.PATH, IRIS_PORT: '0', IRIS_DATA_DIR: dataDir }
})
const exited = once(iris, 'exit')
setTimeout(() => {
  iris.kill('SIGKILL')
  fail(`Node ${version}: no chat within ${WITHIN_MS / 1000} s`)
}, WITHIN_MS).unref()
try {
  await chat(await addressOf(iris))
} catch (error) {
  iris.kill('SIGKILL')
  await exited
  fail(`Node ${version}: ${error.message}`)
}
iris.kill('SIGTERM')
const [code, signal] = await exited
if (code !== 0) fail(`Node ${version}: Iris ended with ${signal ?? code}`)

function nodeOf (version) {
  try {
    return fetchNode(root, version, say)
  } catch (error) {
    return fail(error.message)
  }
}

/** @returns where it listens, when it is this Node that does. */
async function addressOf ({ stdout }) {
  for await (const line of createInterface({ input: stdout })) {
    const [, address] = /Iris listens on (http:[^"]+)/.exec(line) ?? []
    if (!address) continue
    if (!line.includes(`"nodejs":"v${version}"`)) throw new Error(`another Node runs: ${line}`)
    stdout.resume()
    return address
  }
  throw new Error('Iris did not start')
}

/** A message from one user to another, who hears it on his stream, whatever was sent behind its request. */
async function chat (address) {
  const { serverKey } = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8'))
  const call = async (path, bearer, body) => {
    const response = await fetch(address + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
    return await response.json()
  }
  const tokenOf = async userId => (await call('/v1/server/tokens', serverKey, { userId })).token
  const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
  const { hostname, port } = new URL(address)
  const stream = connect(Number(port), hostname)
  stream.write(`GET /v1/down/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${bob}\r\n\r\n`)
  let heard = ''
  for await (const chunk of stream) {
    const wasReady = heard.includes('IRIS.READY')
    heard += chunk
    if (heard.includes(`from Node ${version}`)) return
    if (wasReady || !heard.includes('IRIS.READY')) continue
    // a stream that this Node does not let out of its HTTP server would end here
    stream.write('no HTTP any more\r\n\r\n')
    await call('/v1/server/tokens', serverKey, { userId: 'alice' })
    await call('/v1/up/msg', alice, { clientMsgId: 'c', to: 'bob', type: 'text', content: { text: `from Node ${version}` } })
  }
  throw new Error('the message did not come')
}
