// deploy/Caddyfile, as it stands but for its addresses and its certificate, before a real Iris: what a proxy must not break.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { makeCertificate, noOpenssl } from './helper/certificate.js'
import { deployed } from './helper/nginx.js'
import { freePort } from './helper/process.js'
import { throughProxy } from './helper/proxied.js'
import { until } from './helper/user.js'

const program = process.env['IRIS_CADDY'] ?? 'caddy'
const noCaddy = spawnSync(program, ['version'], { stdio: 'ignore' }).status !== 0 && 'no caddy'

t.test('through Caddy with TLS, by deploy/Caddyfile', { skip: noCaddy || noOpenssl }, async t => {
  await throughProxy(t, async (t, upstream) => {
    const directory = mkdtempSync(join(tmpdir(), 'iris-caddy-'))
    const { cert, key } = makeCertificate(t)
    const url = `https://localhost:${await freePort()}`
    const site = deployed('Caddyfile')
      .replace('chat.example.com {', `${url} {\n\ttls ${cert} ${key}`)
      .replace('127.0.0.1:4747', upstream)
    writeFileSync(join(directory, 'Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`)
    const caddy = spawn(program, ['run', '--config', join(directory, 'Caddyfile')], {
      stdio: 'ignore', env: { PATH: process.env['PATH'], HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory }
    })
    t.teardown(async () => {
      caddy.kill('SIGTERM')
      if (caddy.exitCode === null) await once(caddy, 'exit')
      rmSync(directory, { recursive: true })
    })
    await until(async () => {
      if (caddy.exitCode !== null) throw new Error(`caddy has ended with ${caddy.exitCode}`)
      return await fetch(url).then(() => true, () => undefined)
    })
    t.equal((await fetch(`${url}/metrics`)).status, 404, 'what is not for everybody is not handed on')
    return url
  })
})
