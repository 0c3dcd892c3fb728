// npm start [-- command]: installs and builds what is missing, then runs Iris (or the command) in this very process,
// so that signals reach it (where this Node is too old, in a child that gets them).
import { ensureBuild, ensureModules, ensureNode } from './bootstrap.js'
import { ensureRedisServer } from './programs.js'

await ensureNode()
ensureModules()
// only Iris itself needs one
if ((process.argv[2] ?? 'start') === 'start') ensureRedisServer()
ensureBuild()
await import('../build/src/server.js')
