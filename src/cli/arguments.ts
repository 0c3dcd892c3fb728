// What the words of a command line ask for.
import { parseArgs } from 'node:util'
import { commandTable, type Options, optionsOf } from './commands.js'

type Asked =
  { what: 'help' } | { what: 'version' } |
  /** `why` is one sentence. */
  { what: 'wrong', why: string } |
  { what: 'command', name: string, words: string[], options: Options }

const wrong = (why: string): Asked => ({ what: 'wrong', why })

/** @param args the words behind the name of the program. */
export function readArguments (args: readonly string[]): Asked {
  const isNamed = args[0] !== undefined && !args[0].startsWith('-')
  const name = isNamed ? args[0] as string : 'start'
  const command = commandTable.get(name)
  if (!command) return wrong(`iris-gateway has no command ${JSON.stringify(name)}.`)
  try {
    const { values, positionals } = parseArgs({
      args: args.slice(isNamed ? 1 : 0), options: optionsOf(command), allowPositionals: true
    })
    const { help, version, ...options } = values as Options & { help?: boolean, version?: boolean }
    if (help) return { what: 'help' }
    if (version) return { what: 'version' }
    const wants = command.words.map(word => `<${word}>`).join(' ') || 'nothing'
    if (positionals.length !== command.words.length) return wrong(`iris-gateway ${name} takes ${wants} behind it.`)
    return { what: 'command', name, words: positionals, options }
  } catch (error) {
    const [said = ''] = (error as Error).message.split('. ')
    const hint = name === 'start' ? ': the gateway is configured by its environment' : ''
    return wrong(`iris-gateway ${name}: ${said.replace(/\.$/, '')}${hint}.`)
  }
}
