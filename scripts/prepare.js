// npm's `prepare`: who installs this directory as a package of his own (`npm install ../iris`) gets one that is built.
// What npm does in the directory itself builds nothing: `npm start`, `npm test` and `npm pack` do when they need it, and the `npm ci`
// that they call would wait here for them.
import { realpathSync } from 'node:fs'
import { ensureBuild, ensureModules, ensureNode, root } from './bootstrap.js'

// where npm was called
const from = process.env.INIT_CWD ?? root
if (realpathSync(from) !== realpathSync(root)) {
  await ensureNode()
  ensureModules()
  ensureBuild()
}
