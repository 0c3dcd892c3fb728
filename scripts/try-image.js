// node scripts/try-image.js: the steps of deploy/Dockerfile, run where no engine is to be had, in an empty directory for each stage; then
// its entry point is started as nobody, a chat, its health check, and it is stopped. What an engine alone knows is not tried: the base
// image (this machine's Node and programs stand in for it), layers, and PID 1.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ensureNode, fail, root, say } from './bootstrap.js'
import { ensureRedisServer } from './programs.js'
import { tryIris } from './try.js'

const STEP_MS = 300_000
const NOBODY = 65_534

await ensureNode()
ensureRedisServer()
const place = mkdtempSync(join(tmpdir(), 'iris-image-'))
chmodSync(place, 0o755)
process.on('exit', () => rmSync(place, { recursive: true, force: true }))

/** What is sent to an engine: names that `.dockerignore` takes back in, of a file that ignores all others. */
const context = readFileSync(join(root, 'deploy/Dockerfile.dockerignore'), 'utf8').split('\n').flatMap(line => /^!(.+)/.exec(line)?.[1] ?? [])

/** The instructions, each a word and what follows it; comments and line ends are taken out. */
const instructions = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8').replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '')
  .split('\n').filter(Boolean).map(line => /^(\w+) (.*)$/.exec(line).slice(1))

const stages = new Map()
let stage

const steps = {
  FROM (rest) {
    const name = / AS (\w+)$/.exec(rest)?.[1] ?? 'last'
    stage = { root: join(place, name), cwd: '/', env: {} }
    stages.set(name, stage)
    mkdirSync(stage.root)
  },
  WORKDIR (path) {
    stage.cwd = path
    mkdirSync(join(stage.root, path), { recursive: true })
  },
  ENV (pair) {
    const [name, value] = pair.split('=')
    stage.env[name] = value
  },
  COPY (rest) {
    const from = /^--from=(\w+) /.exec(rest)?.[1]
    const [target, ...sources] = rest.replace(/^--from=\w+ /, '').split(' ').reverse()
    for (const source of sources.reverse()) copy({ from, source, target, isInto: target.endsWith('/') })
  },
  RUN (command) {
    say(`RUN ${command}`)
    const { status } = spawnSync('sh', ['-c', command], {
      cwd: join(stage.root, stage.cwd), stdio: ['ignore', 2, 2], timeout: STEP_MS, env: { ...process.env, ...stage.env }
    })
    if (status !== 0) fail(`this step fails: RUN ${command}`)
  },
  USER (name) { stage.user = name },
  EXPOSE () {},
  HEALTHCHECK (rest) { stage.health = JSON.parse(/CMD (\[.*\])/.exec(rest)[1]) },
  ENTRYPOINT (rest) { stage.entry = JSON.parse(rest) }
}

/** Files as an engine copies them: a directory's contents, or a file by its name into one. */
function copy ({ from, source, target, isInto }) {
  const to = join(stage.root, stage.cwd, target, isInto ? source.split('/').at(-1) : '')
  mkdirSync(dirname(to), { recursive: true })
  if (from) return cpSync(join(stages.get(from).root, source), to, { recursive: true, verbatimSymlinks: true })
  const names = source === '.' ? context : [source]
  const filter = path => !path.slice(root.length).split('/').includes('node_modules')
  for (const name of names) cpSync(join(root, name), source === '.' ? join(to, name) : to, { recursive: true, filter })
}

for (const [word, rest] of instructions) {
  if (!steps[word]) fail(`deploy/Dockerfile has an instruction that is not known here: ${word}`)
  steps[word](rest)
}
const { status, stdout } = spawnSync('du', ['-sm', stage.root], { encoding: 'utf8' })
if (status === 0) say(`what is laid on the base image: ${Number.parseInt(stdout)} MB`)
const isRoot = process.getuid() === 0
try {
  await tryIris({
    command: stage.entry,
    cwd: join(stage.root, stage.cwd),
    // on loopback, with the private Redis of this machine and secrets of its own
    env: { ...stage.env, IRIS_HOST: '127.0.0.1' },
    text: 'from the image',
    prepare: dataDir => { if (isRoot) chownSync(dataDir, NOBODY, NOBODY) },
    more: isRoot && stage.user !== 'root' ? { uid: NOBODY, gid: NOBODY } : {},
    check (address) {
      const [program, ...args] = stage.health.map(word => word.replace('127.0.0.1:4747', new URL(address).host))
      if (spawnSync(program, args).status !== 0) throw new Error('its health check fails')
    }
  })
} catch (error) {
  fail(`the image: ${error.message}`)
}
say('the image: its steps run, it starts, chats, is healthy and ends')
