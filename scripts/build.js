// npm run build [-- --if-stale]: compiles src and test to build/, copies what the compiler does not (Lua scripts, the page), and bundles
// the client for other people's pages.
// With --if-stale nothing is done when build/ is of these sources, and only what has changed is compiled: a third of the time.
// With --unchecked wrong types are let through, in a third of the time, too: `npm run check` looks at them (scripts/lint.js).
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildClient } from './client.js'
import { ensureModules, ensureNode, hashSources, isStale, root, stampBuild, turn, unstampBuild } from './bootstrap.js'

const build = join(root, 'build')
const directories = ['src', 'test']
/** What the compiler remembers of its last run. */
const MEMORY = 'build/.tsbuildinfo'

await ensureNode()
ensureModules()
const isQuick = process.argv.includes('--if-stale')
const isUnchecked = process.argv.includes('--unchecked')
if (isQuick && !isStale(isUnchecked)) process.exit(0)

// somebody else may be building just this
const wasStale = isStale(isUnchecked)
turn()
if (wasStale && !isStale(isUnchecked)) process.exit(0)

// taken before: a source that changes during the build makes it stale
const hash = hashSources()
unstampBuild()
if (isQuick && existsSync(join(root, MEMORY))) removeLeft()
else rmSync(build, { recursive: true, force: true })
const compiler = [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--incremental', '--tsBuildInfoFile', MEMORY]
if (isUnchecked) compiler.push('--noCheck')
if (spawnSync(process.execPath, compiler, { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)
// the bench's peers have packages of their own, which stay where they are
const isAsset = path => !path.endsWith('node_modules') && (statSync(path).isDirectory() || !path.endsWith('.ts'))
for (const directory of directories) cpSync(join(root, directory), join(build, directory), { recursive: true, filter: isAsset })
await buildClient()
stampBuild(hash, isUnchecked)

/** Removes what was made of sources that are gone: tests among them would be run. */
function removeLeft () {
  for (const directory of directories) {
    for (const entry of readdirSync(join(build, directory), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      const source = join(root, relative(build, path))
      const isThere = existsSync(source) || existsSync(source.replace(/\.js(\.map)?$/, '.ts'))
      if (entry.isFile() && !isThere) rmSync(path)
    }
  }
}
