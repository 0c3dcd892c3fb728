// `npm test` itself: what it says of files that fail, or end badly, one after the other in one process.
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Programs of the system are not asked for. */
const programs = { IRIS_REDIS_URL: 'redis://nowhere', IRIS_CHROMIUM: 'none', IRIS_NGINX: 'none', IRIS_CADDY: 'none' }
const run = `const { hashSources, stampBuild } = await import('./scripts/bootstrap.js')
stampBuild(hashSources())
const { runTests } = await import('./scripts/test.js')
process.stdout.write(JSON.stringify(await runTests()))`

/** Runs test files in a tree of their own, by the real scripts; the longest is the first. @returns what is printed, line by line. */
async function runFiles (t: Test, files: Record<string, string>): Promise<string[]> {
  const tree = await mkdtemp(join(tmpdir(), 'iris-test-run-'))
  t.teardown(() => rm(tree, { recursive: true, force: true }))
  for (const name of ['scripts', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    await cp(join(root, name), join(tree, name), { recursive: true })
  }
  for (const name of ['src', 'test', 'build/test']) await mkdir(join(tree, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
  await writeFile(join(tree, '.taprc'), 'jobs: 1\ntimeout: 60\n')
  for (const [name, code] of Object.entries(files)) {
    await writeFile(join(tree, `build/test/${name}.test.js`), `import t from 'tap'\n${code}\n`)
  }
  const child = spawn(process.execPath, ['--input-type=module', '-e', run], { cwd: tree, env: { PATH: process.env['PATH'], ...programs } })
  t.teardown(() => child.kill('SIGKILL'))
  const [said, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  t.equal(errors, '')
  return said.split('\n').map(line => line.replace(/ \d+ ms$/, ''))
}

t.test('a file that is killed has failed, whatever failed before it; those behind it are run all the same', async t => {
  const lines = await runFiles(t, {
    fails: `t.test('no', async t => { t.equal(1, 2) }) ${'/'.repeat(300)}`,
    dies: `t.test('killed', async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}) }) ${'/'.repeat(100)}`,
    passes: "t.test('yes', async t => { t.equal(1, 1) })"
  })
  t.same(lines.filter(line => /^(ok|FAILED) \S+\.js$/.test(line)), ['FAILED fails.test.js', 'FAILED dies.test.js', 'ok passes.test.js'])
  t.ok(lines.includes('FAILED no > should be equal'), 'where it stands, though there is no map to its source')
  t.ok(lines.includes('    ended with SIGKILL'))
  t.match(JSON.parse(lines.at(-1) ?? ''), { passed: 1, failed: 2, skipped: 0 })
})
