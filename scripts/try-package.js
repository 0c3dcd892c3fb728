// node scripts/try-package.js: what `npm pack` packs, installed by npm into an empty directory as its users do: started, one chat, stopped.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuild, ensureModules, ensureNode, fail, root } from './bootstrap.js'
import { ensureRedisServer } from './programs.js'
import { tryIris } from './try.js'

const INSTALL_MS = 120_000

await ensureNode()
ensureModules()
ensureRedisServer()
ensureBuild()
const place = mkdtempSync(join(tmpdir(), 'iris-package-'))
process.on('exit', () => rmSync(place, { recursive: true, force: true }))

/** @returns what npm printed. */
function npm (cwd, ...args) {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', timeout: INSTALL_MS })
  if (status !== 0) fail(`npm ${args[0]} failed: ${stderr}`)
  return stdout
}

const app = join(place, 'app')
mkdirSync(app)
const [{ filename }] = JSON.parse(npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', place))
npm(app, 'install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', join(place, filename))
try {
  await tryIris({ command: [join(app, 'node_modules/.bin/iris-gateway')], cwd: app, text: 'from the package' })
} catch (error) {
  fail(`the package: ${error.message}`)
}
