// npm run bench [-- options; --help lists them]: installs and builds what is missing, then measures. Timings are never tests.
import { ensureBuild, ensureModules, ensureNode } from './bootstrap.js'
import { ensureRedisServer } from './programs.js'

await ensureNode()
ensureModules()
ensureRedisServer()
ensureBuild()
await import('../build/test/bench/main.js')
