// The command line: what is asked for is done, or refused with a sentence and the help.
import { version } from '../documents/version.js'
import { commands, type CommandName } from './commands.js'
import { readArguments } from './arguments.js'
import { help, shortHelp } from './help.js'
import { Refusal } from './refusal.js'

/** @returns the exit code; undefined: the process goes on, and ends by itself. */
async function obey (args: readonly string[]): Promise<number | undefined> {
  const asked = readArguments(args)
  // the log of a gateway has a way out of its own (src/stdout.ts)
  if (asked.what !== 'command' || asked.name !== 'start') endUnread()
  if (asked.what === 'help') return say(help())
  if (asked.what === 'version') return say(`${version}\n`)
  if (asked.what === 'wrong') {
    process.stderr.write(`${asked.why}\n\n${shortHelp()}`)
    return 2
  }
  const { name, words, options } = asked
  const run = await commands[name as CommandName].load()
  return await run(words, options)
}

/** Whoever read what is printed may have seen enough (`| head`). */
const endUnread = () => process.stdout.on('error', () => process.exit(1))

function say (text: string): number {
  process.stdout.write(text)
  return 0
}

/** What somebody can mend is a sentence; anything else is a bug, with its stack. */
function explain (error: unknown): number {
  process.stderr.write(`${error instanceof Refusal ? error.message : String(error instanceof Error ? error.stack : error)}\n`)
  return 1
}

const code = await obey(process.argv.slice(2)).catch(explain)
if (code !== undefined) process.exitCode = code
