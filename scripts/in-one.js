// node scripts/in-one.js file...: runs compiled test files one after the other in this process, since its start costs more than
// most of them. What a file has started ends with the process.
import t from 'tap'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './bootstrap.js'
import { END } from './tap.js'

const timeoutMs = Number(process.env.TAP_TIMEOUT) * 1000

const load = async name => {
  t.setTimeout(timeoutMs) // counted anew
  await import(pathToFileURL(join(root, 'build/test', name)).href)
}

/**
 * Waits until the tests of a file have ended: it is one more of them.
 * tap would take a moment without any for the end of all, so the next file is loaded in it.
 */
const afterTests = async (name, act) => await t.test(END + name, act)

const [first, ...others] = process.argv.slice(2)
await load(first)
let last = first
for (const name of others) {
  await afterTests(last, async () => await load(name))
  last = name
}
await afterTests(last, async () => undefined)
