// Tries an Iris that is started by some command: one chat, then it is stopped.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const WITHIN_MS = 30_000

/**
 * Starts it, lets one user write to another, and ends it. Throws when that fails.
 * @param isRight looks at the line that says where it listens; `prepare` at its data directory, before it is started; `check` at its
 *   address, behind the chat. `more`: more for the spawn.
 */
export async function tryIris ({ command: [program, ...args], cwd, env = {}, text, isRight = () => true, prepare, check, more }) {
  const dataDir = mkdtempSync(join(tmpdir(), 'iris-try-'))
  process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }))
  prepare?.(dataDir)
  const iris = spawn(program, args, {
    ...more, cwd, stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH, IRIS_PORT: '0', IRIS_DATA_DIR: dataDir, ...env }
  })
  const exited = once(iris, 'exit')
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    iris.kill('SIGKILL')
  }, WITHIN_MS)
  try {
    const address = await addressOf(iris, isRight)
    await chat({ address, dataDir, text })
    check?.(address)
    iris.kill('SIGTERM')
  } catch (error) {
    iris.kill('SIGKILL')
    throw isLate ? new Error(`no chat within ${WITHIN_MS / 1000} s`) : error
  } finally {
    await exited
    clearTimeout(timer)
  }
  const [code, signal] = await exited
  if (code !== 0) throw new Error(`Iris ended with ${signal ?? code}`)
}

/** @returns where it listens, when it is the one that was meant. */
export async function addressOf ({ stdout }, isRight = () => true) {
  for await (const line of createInterface({ input: stdout })) {
    const [, address] = /Iris listens on (http:[^"]+)/.exec(line) ?? []
    if (!address) continue
    if (!isRight(line)) throw new Error(`another one runs: ${line}`)
    stdout.resume()
    return address
  }
  throw new Error('Iris did not start')
}

/** A message from one user to another, who hears it on his stream, whatever was sent behind its request. */
async function chat ({ address, dataDir, text }) {
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
    if (heard.includes(text)) return
    if (wasReady || !heard.includes('IRIS.READY')) continue
    // a stream that this Node does not let out of its HTTP server would end here
    stream.write('no HTTP any more\r\n\r\n')
    await call('/v1/server/tokens', serverKey, { userId: 'alice' })
    await call('/v1/up/msg', alice, { clientMsgId: 'c', to: 'bob', type: 'text', content: { text } })
  }
  throw new Error('the message did not come')
}
