// Compiles src and test to build/, and copies what the compiler does not: Lua scripts and the page.
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.js'

rmSync(join(root, 'build'), { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(1)
for (const assets of ['src/store/lua', 'src/page']) cpSync(join(root, assets), join(root, 'build', assets), { recursive: true })
