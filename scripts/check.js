// npm run check: lint, dead code, tests, and drift of generated documents. `--skip-tests` leaves the tests out.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureBuild, ensureModules, root } from './bootstrap.js'
import { runTests } from './test.js'

ensureModules()
ensureBuild() // the compiler is the check of types

const bin = name => join(root, 'node_modules/.bin', name)
const steps = [
  ['lint', bin('eslint'), ['.']],
  ['dead code', bin('ts-unused-exports'), ['tsconfig.json', '--allowUnusedTypes']],
  ['OpenAPI drift', process.execPath, ['scripts/openapi.js', '--check']],
  ['README drift', process.execPath, ['scripts/readme.js', '--check']],
  ['OpenAPI lint', bin('redocly'), ['lint', 'openapi/iris.yaml']]
]

const counts = process.argv.includes('--skip-tests') ? { passed: 0, failed: 0 } : await runTests()
for (const [name, program, args] of steps) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8', env: { ...process.env, REDOCLY_TELEMETRY: 'off' } })
  const isGood = status === 0
  process.stdout.write(isGood ? `ok ${name}\n` : `FAILED ${name}\n${stdout ?? ''}${stderr ?? ''}\n`)
  counts[isGood ? 'passed' : 'failed']++
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
process.exit(counts.failed > 0 ? 1 : 0)
