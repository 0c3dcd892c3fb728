// node scripts/try-node.js <version>: Iris on another Node, fetched when it is missing: started, one chat, stopped.
import { join } from 'node:path'
import { ensureBuild, ensureModules, fail, root, say } from './bootstrap.js'
import { fetchNode } from './node.js'
import { ensureRedisServer } from './programs.js'
import { tryIris } from './try.js'

const [version = ''] = process.argv.slice(2)

ensureModules()
ensureRedisServer()
ensureBuild()
try {
  await tryIris({
    command: [fetchNode(root, version, say), join(root, 'build/src/server.js')],
    cwd: root,
    isRight: line => line.includes(`"nodejs":"v${version}"`),
    text: `from Node ${version}`
  })
} catch (error) {
  fail(`Node ${version}: ${error.message}`)
}
