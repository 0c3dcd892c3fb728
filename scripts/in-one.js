// node scripts/in-one.js, started by scripts/test.js: runs the compiled test files that it is told, one after the other, since the
// start of a process costs more than most of them. What a file has started ends with the file.
import { once } from 'node:events'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './bootstrap.js'
import { END, NEXT } from './tap.js'

const domain = new URL('./domain.js', import.meta.url).href
const hooks = registerHooks({
  resolve: (name, context, next) => name === 'async-hook-domain' ? { url: domain, shortCircuit: true } : next(name, context)
})
const { default: t } = await import('tap')
hooks.deregister()

/** What nobody has caught fails the test that runs. */
function fail (error, event) {
  let test = t
  while (test.activeSubtests?.size > 0) [test] = test.activeSubtests
  test.threw(error instanceof Error ? Object.assign(error, { tapCaught: event }) : { error, tapCaught: event })
}
for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, error => fail(error, event))

const timeoutMs = Number(process.env.TAP_TIMEOUT) * 1000
/** What a file leaves to the end of all is done at its own; tap's own way would end all where no test is left for a moment. */
const left = []
t.teardown = t.after = act => { left.push(act) }

/** Asks for a file. @returns its name; null when there is none any more */
async function nextName () {
  process.channel.ref() // tap has seen to it that nobody waits for it
  process.send(NEXT)
  const [name] = await once(process, 'message')
  return name
}

for (let name = await nextName(); name !== null; name = await nextName()) {
  t.setTimeout(timeoutMs) // counted anew
  await import(pathToFileURL(join(root, 'build/test', name)).href)
  // when the tests of the file have ended: it is one more of them
  await t.test(END + name, { buffered: false }, async () => {
    t.jobs = 1
    while (left.length > 0) await left.pop()()
  })
  // after a timeout: the tests of a next file would not be run
  if (t.results) process.exit(1)
}
process.disconnect()
