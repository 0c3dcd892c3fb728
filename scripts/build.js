// npm run build [-- --if-stale]: compiles src and test to build/, and copies what the compiler does not: Lua scripts, the page.
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ensureModules, ensureNode, hashSources, isStale, root, stampBuild } from './bootstrap.js'

await ensureNode()
ensureModules()
if (process.argv.includes('--if-stale') && !isStale()) process.exit(0)

// taken before: a source that changes during the build makes it stale
const hash = hashSources()
rmSync(join(root, 'build'), { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(1)
// the bench's peers have packages of their own, which stay where they are
const isAsset = path => !path.endsWith('node_modules') && (statSync(path).isDirectory() || !path.endsWith('.ts'))
for (const directory of ['src', 'test']) cpSync(join(root, directory), join(root, 'build', directory), { recursive: true, filter: isAsset })
stampBuild(hash)
