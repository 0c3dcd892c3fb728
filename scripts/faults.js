// npm run faults [-- --seed 17 | --seeds 50 | --mutants]: installs and builds what is missing, then runs histories of faults.
import { ensureBuild, ensureModules, ensureNode } from './bootstrap.js'
import { ensureRedisServer } from './programs.js'

await ensureNode()
ensureModules()
ensureRedisServer()
ensureBuild()
await import('../build/test/faults/main.js')
