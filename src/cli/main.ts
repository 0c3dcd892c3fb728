// The command line: what is asked for is done, or refused with a sentence and the help.
import { version } from '../documents/version.js'
import { commands } from './commands.js'
import { readArguments } from './arguments.js'
import { watchForEnd } from './ending.js'
import { help, shortHelp, usage } from './help.js'
import { Misuse, Refusal } from './refusal.js'

/** How it ends when the command line is wrong. */
const MISUSE = 2

/** @returns the exit code; undefined: the process goes on, and ends by itself. */
async function obey (args: readonly string[]): Promise<number | undefined> {
  const asked = readArguments(args)
  // a gateway ends by rules of its own (src/end.ts), and so does its log (src/stdout.ts)
  const beforeEnd = asked.what === 'command' && asked.name === 'start' ? () => undefined : watchForEnd()
  if (asked.what === 'help') return say(help(asked.of))
  if (asked.what === 'version') return say(`${version}\n`)
  if (asked.what === 'wrong') {
    process.stderr.write(`${asked.why}\n\n${asked.of === undefined ? shortHelp() : usage(asked.of)}`)
    return MISUSE
  }
  const { name, words, options } = asked
  const run = await commands[name].load()
  return await run(words, options, beforeEnd)
}

function say (text: string): number {
  process.stdout.write(text)
  return 0
}

/** What somebody can mend is a sentence; anything else is a bug, with its stack. */
function explain (error: unknown): number {
  process.stderr.write(`${error instanceof Refusal ? error.message : String(error instanceof Error ? error.stack : error)}\n`)
  return error instanceof Misuse ? MISUSE : 1
}

const code = await obey(process.argv.slice(2)).catch(explain)
if (code !== undefined) process.exitCode = code
