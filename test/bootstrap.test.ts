// What `npm start` and `npm test` install and build, and when: in a tree of its own, with programs that only note their calls.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url))
/** A compiler that notes its calls, and whether it is to look at the types. */
const compiler = "require('node:fs').appendFileSync('calls', process.argv.includes('--noCheck') ? 'tsc unchecked\\n' : 'tsc\\n'); " +
  "require('node:fs').mkdirSync('build', { recursive: true })"

/** The script of a program that writes down how it was called. */
const note = (name: string) => `echo "${name} $@" >> calls`
/** What package.json says of Node: the floor, and the version that is fetched below it. */
const packageOf = (floor: string) =>
  JSON.stringify({ type: 'module', engines: { node: floor }, devEngines: { runtime: { version: '99.1.0' } } })

/** An npm that installs a Node which only notes how it is called, unless it breaks off (`touch broken`). */
const fetching = `${note('npm')}
if [ "$1" = install ]; then
  bin="$3/node_modules/node-linux-${process.arch}/bin"
  mkdir -p "$bin"
  printf '#!/bin/sh\nif [ "$1" = --version ]; then echo v99.1.0; else echo "node $*" >> %s/calls; exit 7; fi\n' "$PWD" > "$bin/node"
  chmod +x "$bin/node"
  if [ -e broken ]; then exit 1; fi
fi`

/** A small repository with the real scripts; its PATH has node and what `programs` define, as shell scripts. */
async function makeTree (t: Test, programs: Record<string, string> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'iris-tree-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  await cp(scripts, join(root, 'scripts'), { recursive: true })
  const files = {
    'package.json': packageOf('>=22'),
    'package-lock.json': '{}',
    'tsconfig.json': '{}',
    'src/a.ts': '',
    'src/store/script/lua/a.lua': 'return 1',
    'test/a.test.ts': '',
    'node_modules/typescript/package.json': '{}',
    'node_modules/typescript/bin/tsc': compiler
  }
  for (const [name, text] of Object.entries(files)) await put(name, text)
  await mkdir(join(root, 'bin'))
  for (const tool of ['sh', 'chmod', 'mkdir', 'sleep']) await symlink(`/usr/bin/${tool}`, join(root, 'bin', tool))
  for (const [name, script] of Object.entries({ npm: note('npm'), ...programs })) {
    await writeFile(join(root, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }

  async function put (name: string, text: string): Promise<void> {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }

  const [first, second] = ['bootstrap', 'programs'].map(name => JSON.stringify(join(root, `scripts/${name}.js`)))
  const loaded = `const bootstrap = { ...await import(${first}), ...await import(${second}) }`

  function evaluate (calls: string, env: Record<string, string>) {
    const code = `${loaded}; ${calls}`
    const { status, stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      env: { PATH: join(root, 'bin'), ...env }
    })
    return { status, lines: stderr.split('\n').slice(0, -1), output: stdout }
  }

  return {
    root,
    put,
    calls: async () => (await readFile(join(root, 'calls'), 'utf8').catch(() => '')).split('\n').slice(0, -1),
    /** Calls functions of bootstrap.js and programs.js, and does not wait for them. */
    start (functions: string) {
      const code = `${loaded}; ` +
        functions.split(' ').map(name => `await bootstrap.${name}()`).join(';')
      const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env: { PATH: join(root, 'bin') } })
      let errors = ''
      child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString() })
      t.teardown(() => child.kill('SIGKILL'))
      return { exited: once(child, 'close') as Promise<unknown[]>, said: () => errors.split('\n').slice(0, -1) }
    },
    /** The same, to their end. */
    run (functions: string, env: Record<string, string> = {}) {
      const { status, lines } = evaluate(functions.split(' ').map(name => `await bootstrap.${name}()`).join(';'), env)
      return { status, lines }
    },
    /** What ensureProxies says, and the paths that it hands to the tests. */
    proxies (env: Record<string, string> = {}) {
      const { lines, output } = evaluate('bootstrap.ensureProxies(); process.stdout.write(' +
        'JSON.stringify([process.env.IRIS_NGINX, process.env.IRIS_CADDY]))', env)
      return { lines, paths: JSON.parse(output) as (string | null)[] }
    }
  }
}

/** Waits until something is so; without the helpers of Iris, which is not needed here. */
async function until (isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !await isSo(); await delay(25)) {
    if (performance.now() - began > 30_000) throw new Error('it never came true')
  }
}

const makes = (program: string) => `echo '#!/bin/sh' > bin/${program}; chmod +x bin/${program}`

t.test('packages behind a link are used, but never replaced: they are those of another tree', async t => {
  const tree = await makeTree(t)
  tree.run('ensureModules')
  await rename(join(tree.root, 'node_modules'), join(tree.root, 'elsewhere'))
  await symlink('elsewhere', join(tree.root, 'node_modules'))
  t.same(tree.run('ensureModules'), { status: 0, lines: [] })
  await tree.put('package-lock.json', '{ "changed": true }')
  t.same(tree.run('ensureModules'), {
    status: 1,
    lines: ['iris: node_modules is a link to packages of another package-lock.json: remove the link, and run this again']
  })
  t.equal((await tree.calls()).length, 1)
})

t.test('packages are installed once for each lockfile', async t => {
  const tree = await makeTree(t)
  t.same(tree.run('ensureModules'), { status: 0, lines: ['iris: installing the packages of package-lock.json'] })
  t.same(tree.run('ensureModules'), { status: 0, lines: [] })
  await tree.put('package-lock.json', '{ "changed": true }')
  tree.run('ensureModules', { CI: 'true', NODE_ENV: 'production' })
  t.match(await tree.calls(), [/^npm ci --include=dev/, /^npm ci --include=dev/])
})

t.test('who installs the directory from elsewhere gets it built; what npm does in it itself builds nothing', async t => {
  const tree = await makeTree(t)
  const text = await readFile(join(scripts, '../package.json'), 'utf8')
  const { scripts: { prepare } } = JSON.parse(text) as { scripts: Record<string, string> }
  const run = (from: string) => spawnSync('/bin/sh', ['-c', prepare ?? 'exit 9'], {
    cwd: tree.root, encoding: 'utf8', env: { PATH: join(tree.root, 'bin'), INIT_CWD: from }
  })
  await symlink(process.execPath, join(tree.root, 'bin/node'))
  t.match(run(tree.root), { status: 0, stderr: '' })
  t.same(await tree.calls(), [], 'npm ci, and npm start and npm test that call it')
  for (let round = 0; round < 2; round++) t.equal(run(tmpdir()).status, 0)
  t.match(await tree.calls(), [/^npm ci --include=dev/, /^tsc unchecked$/])
  t.equal((await tree.calls()).length, 2, 'once')
})

t.test('a command that was not built says so, and what to do', async t => {
  const tree = await makeTree(t)
  await cp(join(scripts, '../bin/iris-gateway.js'), join(tree.root, 'bin/iris-gateway.js'))
  const program = join(tree.root, 'bin/iris-gateway.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--version'], { encoding: 'utf8' })
  t.match({ status, stdout, stderr }, { status: 1, stdout: '', stderr: /^iris-gateway is not built: run `npm run build` in \S+\n$/ })
})

t.test('two commands at once: the second waits for the first, and finds done what it would have done', async t => {
  const wait = 'while [ ! -e go ]; do sleep 0.05; done'
  const tree = await makeTree(t, { npm: `${note('npm')}; ${wait}` })
  await tree.put('node_modules/typescript/bin/tsc',
    `${compiler}; require('node:child_process').spawnSync('sh', ['-c', 'while [ ! -e built ]; do sleep 0.05; done'])`)
  const isWait = (line: string) => /^iris: waiting for another command \(pid \d+\) that installs or builds here$/.test(line)
  for (const [command, call, allow] of [['ensureModules', /^npm ci/, 'go'], ['ensureBuild', /^tsc unchecked$/, 'built']] as const) {
    const before = (await tree.calls()).length
    const first = tree.start(command)
    await until(async () => (await tree.calls()).length > before)
    const second = tree.start(command)
    await until(() => second.said().some(isWait))
    await tree.put(allow, '')
    t.same([await first.exited, await second.exited], [[0, null], [0, null]])
    t.match((await tree.calls()).slice(before), [call])
    t.equal((await tree.calls()).length, before + 1, command)
  }
  t.same((await readdir(tree.root)).filter(name => name.startsWith('.bootstrap')), [])
})

t.test('who has died while he installed is not waited for, whoever has his pid by now', async t => {
  for (const left of ['999999999 1', `${process.pid} 1`, 'no number', '']) {
    const tree = await makeTree(t)
    await tree.put('.bootstrap.lock', left)
    t.same(tree.run('ensureModules'), { status: 0, lines: ['iris: installing the packages of package-lock.json'] }, left)
    t.same((await readdir(tree.root)).filter(name => name.startsWith('.bootstrap')), [])
  }
})

t.test('a failed installation ends with a line, and is tried again', async t => {
  const tree = await makeTree(t, { npm: 'exit 1' })
  for (let round = 0; round < 2; round++) {
    t.match(tree.run('ensureModules'), { status: 1, lines: [/installing/, 'iris: npm ci failed: see above'] })
  }
})

t.test('no redis-server and nothing to install it with: one line, exit 1', async t => {
  const tree = await makeTree(t)
  t.same(tree.run('ensureRedisServer'), {
    status: 1,
    lines: ['iris: redis-server is not installed: run `install redis-server`, or set IRIS_REDIS_URL to a Redis of your own']
  })
  t.same(tree.run('ensureRedisServer', { IRIS_REDIS_URL: 'redis://127.0.0.1' }), { status: 0, lines: [] })
})

const isRoot = process.getuid?.() === 0
t.test('apt-get installs redis-server without a question and without a running service', { skip: !isRoot && 'needs root' }, async t => {
  const tree = await makeTree(t, { 'apt-get': `echo "$DEBIAN_FRONTEND $RUNLEVEL $SYSTEMD_OFFLINE $@" >> calls; ${makes('redis-server')}` })
  t.same(tree.run('ensureRedisServer'), { status: 0, lines: ['iris: redis-server is not installed: installing it with apt-get'] })
  t.same(tree.run('ensureRedisServer'), { status: 0, lines: [] })
  t.same(await tree.calls(), ['noninteractive 1 1 install -y -qq --no-install-recommends redis-server'])
})

t.test('apt-get without package lists is updated and tried once more', { skip: !isRoot && 'needs root' }, async t => {
  const tree = await makeTree(t, {
    'apt-get': `${note('apt-get')}; if [ "$1" = update ]; ` +
    `then echo > lists; elif [ -e lists ]; then ${makes('redis-server')}; else exit 100; fi`
  })
  t.equal(tree.run('ensureRedisServer').status, 0)
  t.match(await tree.calls(), [/apt-get install/, /apt-get update/, /apt-get install/])
})

t.test('an installation that fails: the command to run, exit 1', { skip: !isRoot && 'needs root' }, async t => {
  const tree = await makeTree(t, { 'apt-get': 'exit 100' })
  t.match(tree.run('ensureRedisServer'), { status: 1, lines: [/installing/, /run `apt-get install redis-server`, or set IRIS_REDIS_URL/] })
})

t.test('no browser: one line, and the tests go on', async t => {
  const tree = await makeTree(t)
  t.match(tree.run('ensureChromium'), {
    status: 0,
    lines: [/^iris: chromium is not installed \(run `install chromium`, or set IRIS_CHROMIUM\): the tests of the page will be skipped$/]
  })
  t.same(tree.run('ensureChromium', { IRIS_CHROMIUM: '/a/browser' }), { status: 0, lines: [] })
})

t.test('a browser without windows is installed, where there is none: any', { skip: !isRoot && 'needs root' }, async t => {
  for (const [offers, tried] of [
    ['chromium-headless-shell', [/chromium-headless-shell$/]],
    ['chromium', [/chromium-headless-shell$/, /update -qq$/, /chromium-headless-shell$/, / chromium$/]]
  ] as const) {
    const tree = await makeTree(t, {
      'apt-get': `${note('apt-get')}; case "$*" in *' ${offers}') ${makes(offers)};; update*) ;; *) exit 100;; esac`
    })
    t.equal(tree.run('ensureChromium').status, 0)
    t.match(await tree.calls(), tried)
  }
})

t.test('proxies are found where daemons are, which a user does not look through, and their tests are told', async t => {
  const tree = await makeTree(t)
  t.match(tree.proxies({ IRIS_NGINX: '/a/nginx', IRIS_CADDY: '/a/caddy' }), { lines: [], paths: ['/a/nginx', '/a/caddy'] })
  const found = (name: string) => ['/usr/local/sbin', '/usr/sbin', '/sbin'].map(place => join(place, name)).find(path => existsSync(path))
  const missing = (name: string) => new RegExp(`^iris: ${name} is not installed \\(run \`install ${name}\`, or set ` +
    `IRIS_${name.toUpperCase()}\\): the tests of ${name} will be skipped$`)
  const names = ['nginx', 'caddy']
  t.match(tree.proxies(), { lines: names.filter(name => !found(name)).map(missing), paths: names.map(name => found(name) ?? null) })
  for (const name of names) await writeFile(join(tree.root, 'bin', name), '')
  t.same(tree.proxies(), { lines: [], paths: names.map(name => join(tree.root, 'bin', name)) }, 'what a shell finds comes first')
})

t.test('an older Node: the pinned one is fetched once, after the packages, and the command goes on with it', async t => {
  const tree = await makeTree(t, { npm: fetching })
  t.same(tree.run('ensureNode'), { status: 0, lines: [] }, 'this one is new enough')
  await tree.put('package.json', packageOf('>=99'))
  const platform = `node-linux-${process.arch}`
  const first = tree.run('ensureNode')
  t.equal(first.status, 7, 'its exit code is that of the command')
  t.match(first.lines, [/installing the packages/, `iris: fetching Node 99.1.0 (the npm package ${platform}) into node_modules/`])
  t.same(tree.run('ensureNode'), { status: 7, lines: [] }, 'nothing to do')
  t.match(await tree.calls(), [
    /^npm ci/, new RegExp(`^npm install --prefix .*--no-save --ignore-scripts .*${platform}@99\\.1\\.0$`), /^node /, /^node /
  ])
  const binary = `node_modules/.iris-node-99.1.0/node_modules/${platform}/bin/node`
  await tree.put(binary, '')
  t.match(tree.run('ensureNode'), { status: 7, lines: [/fetching/] }, 'one that is not whole is fetched again')
})

t.test('a Node that cannot be fetched: one line, nothing is left, and it is tried again', async t => {
  const tree = await makeTree(t, { npm: fetching })
  await tree.put('package.json', packageOf('>=99'))
  await tree.put('broken', '')
  for (const fetched of [/installing/, /fetching/]) {
    const { status, lines } = tree.run('ensureNode')
    t.equal(status, 1)
    t.match(lines[0], fetched)
    t.match(
      lines.at(-1), /^iris: Node [\d.]+ is too old, and Node 99\.1\.0 cannot be fetched: see above; or install Node 99\.1\.0 yourself$/
    )
    t.same((await readdir(join(tree.root, 'node_modules'))).filter(name => name.startsWith('.iris-node')), [])
  }
})

t.test('package.json pins a Node that is not below its own floor', async t => {
  const { engines, devEngines } = JSON.parse(await readFile(join(scripts, '../package.json'), 'utf8')) as {
    engines: { node: string }
    devEngines: { runtime: { name: string, version: string, onFail: string } }
  }
  t.match(devEngines.runtime, { name: 'node', version: /^\d+\.\d+\.\d+$/, onFail: 'ignore' })
  t.ok(Number.parseInt(devEngines.runtime.version) >= Number(/\d+/.exec(engines.node)?.[0]))
})

t.test('builds when a source has changed, and only then', async t => {
  const tree = await makeTree(t)
  const isBuilt = async (changed: boolean, what: string) => {
    const before = (await tree.calls()).length
    t.same(tree.run('ensureBuild'), { status: 0, lines: changed ? ['iris: building'] : [] }, what)
    t.equal((await tree.calls()).length - before, changed ? 1 : 0, what)
  }
  tree.run('ensureModules')
  await isBuilt(true, 'nothing is built')
  await isBuilt(false, 'nothing has changed')
  await utimes(join(tree.root, 'src/a.ts'), 0, 0)
  await isBuilt(false, 'a file is only touched')
  t.equal(await readFile(join(tree.root, 'build/src/store/script/lua/a.lua'), 'utf8'), 'return 1')
  await tree.put('src/store/script/lua/a.lua', 'return 2')
  await isBuilt(true, 'a script has changed')
  t.equal(await readFile(join(tree.root, 'build/src/store/script/lua/a.lua'), 'utf8'), 'return 2')
  for (const name of ['src/new.ts', 'test/a.test.ts', 'tsconfig.json']) {
    await tree.put(name, 'changed')
    await isBuilt(true, name)
  }
  await rm(join(tree.root, 'src/new.ts'))
  await isBuilt(true, 'a file is gone')
})

t.test('what starts does not wait for the types; a build that is asked for looks at them, once', async t => {
  const tree = await makeTree(t)
  tree.run('ensureModules')
  const env = { PATH: join(tree.root, 'bin') }
  const build = () => spawnSync(process.execPath, [join(tree.root, 'scripts/build.js'), '--if-stale'], { env })
  const compiled = async () => (await tree.calls()).filter(call => call.startsWith('tsc'))
  tree.run('ensureBuild')
  t.same(await compiled(), ['tsc unchecked'])
  for (let round = 0; round < 2; round++) {
    t.equal(build().status, 0)
    t.same(await compiled(), ['tsc unchecked', 'tsc'])
  }
  tree.run('ensureBuild')
  t.same(await compiled(), ['tsc unchecked', 'tsc'], 'one whose types are right is as good')
})

t.test('a build that fails ends with a line, and is tried again', async t => {
  const tree = await makeTree(t)
  tree.run('ensureModules')
  await tree.put('node_modules/typescript/bin/tsc', `${compiler}; process.exit(2)`)
  for (let round = 0; round < 2; round++) {
    t.match(tree.run('ensureBuild'), { status: 1, lines: ['iris: building', 'iris: the build failed: see above'] })
  }
})
