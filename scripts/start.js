// npm start: installs and builds what is missing, then runs Iris in this very process, so that signals reach it.
import { ensureBuild, ensureModules, ensureNode, ensureRedisServer } from './bootstrap.js'

ensureNode()
ensureModules()
ensureRedisServer()
ensureBuild()
await import('../build/src/server.js')
