// What `npm pack` packs: all that runs, and nothing else; it starts in an empty directory with what package.json says it needs.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as
  { version: string, dependencies: Record<string, string> }
const place = mkdtempSync(join(tmpdir(), 'iris-package-'))
t.teardown(() => rmSync(place, { recursive: true, force: true }))

/** What each source becomes: the compiler makes JavaScript, all else is copied. */
const made = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(({ parentPath, name }) => join('build', parentPath.slice(root.length), name.replace(/\.ts$/, '.js')))

t.test('it holds what runs, and nothing else', async t => {
  const { status, stdout, stderr } = spawnSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', place], {
    cwd: root, encoding: 'utf8'
  })
  t.equal(status, 0, stderr)
  const [{ files, size } = { files: [], size: 0 }] = JSON.parse(stdout) as { files: { path: string }[], size: number }[]
  const beside = ['LICENSE', 'README.md', 'README.zh-CN.md', 'bin/iris-gateway.js', 'package.json']
  const typed = ['base/error', 'base/types', 'base/wire', 'connect', 'index'].map(name => `build/client/${name}.d.ts`)
  const client = ['build/client/index.js', ...typed]
  t.same(files.map(({ path }) => path).sort(), [...beside, ...client, ...made].sort())
  t.ok(size < 600_000, `${size} bytes`)
})

t.test('in an empty directory, with what it says that it needs and nothing else: it starts, answers and ends', async t => {
  const modules = join(place, 'app/node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  t.equal(spawnSync('tar', ['-xzf', join(place, `iris-gateway-${version}.tgz`), '-C', modules]).status, 0)
  renameSync(join(modules, 'package'), join(modules, 'iris-gateway'))
  symlinkSync('../iris-gateway/bin/iris-gateway.js', join(modules, '.bin/iris-gateway'))
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  const iris = spawn(join(modules, '.bin/iris-gateway'), {
    cwd: join(place, 'app'),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, IRIS_PORT: '0' }
  })
  const exited = once(iris, 'exit')
  t.teardown(() => iris.kill('SIGKILL'))
  let url = ''
  for await (const line of createInterface({ input: iris.stdout })) if ((url = /listens on (http:[^"]+)/.exec(line)?.[1] ?? '') !== '') break
  iris.stdout.resume()
  for (const path of ['/readyz', '/', '/assets/htm.js', '/assets/client.js', '/docs', '/openapi.json', '/v1/time']) {
    const response = await fetch(url + path)
    t.equal(response.status, 200, path)
    await response.arrayBuffer()
  }
  iris.kill('SIGTERM')
  t.same(await exited, [0, null])
})

t.test('an application in Node finds the client by its name', async t => {
  const code = "const { connect } = await import('iris-gateway/client'); process.stdout.write(typeof connect)"
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: join(place, 'app'), encoding: 'utf8' })
  t.equal(stdout, 'function', stderr)
})
