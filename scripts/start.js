// npm start: installs and builds what is missing, then runs Iris in this very process, so that signals reach it
// (where this Node is too old, in a child that gets them).
import { ensureBuild, ensureModules, ensureNode, ensureRedisServer } from './bootstrap.js'

await ensureNode()
ensureModules()
// --help starts nothing
if (process.argv.length === 2) ensureRedisServer()
ensureBuild()
await import('../build/src/server.js')
