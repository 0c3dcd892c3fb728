// What the words of a command line ask for.
import { parseArgs } from 'node:util'
import { nearest, quoted } from '../spelling.js'
import type { Command, Options } from './command.js'
import { commandTable, type CommandName, isCommand, optionsOf } from './commands.js'

type Asked =
  /** `of`: the command that is meant, when one is. */
  { what: 'help', of?: CommandName } | { what: 'version' } |
  /** `why` is one sentence. */
  { what: 'wrong', why: string, of?: CommandName } |
  { what: 'command', name: CommandName, words: string[], options: Options }

/** No argument holds one: before a word it keeps it from being read as an option. */
const NUL = '\0'
/** A text may begin as `-5`, `- so` and `-)` do, and a user as `-alice`. */
const isOption = (arg: string) => /^(-[A-Za-z]|--([A-Za-z][\w-]*(=[^]*)?)?)$/.test(arg)
const wordOf = (arg: string) => arg.startsWith('-') && !isOption(arg) ? NUL + arg : arg
const textOf = (word: string) => word.replace(NUL, '')

/** @param args the words behind the name of the program. */
export function readArguments (args: readonly string[]): Asked {
  const [first = 'start', ...rest] = args
  const [named] = args.filter(isCommand)
  if (['help', '--help', '-h'].includes(first)) return { what: 'help', ...(named && { of: named }) }
  if (isCommand(first)) return readCommand(first, rest)
  if (!first.startsWith('-')) {
    return { what: 'wrong', why: `iris-gateway has no command ${quoted(first)}${meantBy(first, commandTable.keys()) ?? '.'}` }
  }
  if (named === undefined) return readCommand('start', args)
  return { what: 'wrong', why: `The command comes first: iris-gateway ${named}, then its words and options.`, of: named }
}

/** @returns the end of a sentence about a name that is not known; undefined when none is near. */
function meantBy (name: string, all: Iterable<string>): string | undefined {
  const meant = nearest(name, all)
  return meant && `: is ${meant} meant?`
}

function readCommand (name: CommandName, args: readonly string[]): Asked {
  const command = commandTable.get(name) as Command
  try {
    const { values, positionals } = parseArgs({ args: args.map(wordOf), options: optionsOf(command), allowPositionals: true })
    const { help, version, ...options } = values as Options & { help?: boolean, version?: boolean }
    if (help) return { what: 'help', of: name }
    if (version) return { what: 'version' }
    const words = positionals.map(textOf)
    const why = whyNot(name, command, words)
    if (why !== undefined) return { what: 'wrong', why, of: name }
    const given = Object.fromEntries(Object.entries(options).map(([option, value = '']) => [option, textOf(value)]))
    return { what: 'command', name, words, options: given }
  } catch (error) {
    return { what: 'wrong', why: `iris-gateway ${name}: ${sentenceOf(name, command, (error as Error).message)}`, of: name }
  }
}

/** @returns why a command does not take these words. */
function whyNot (name: CommandName, { words }: Command, given: string[]): string | undefined {
  if (given.length === words.length) return undefined
  const takes = `iris-gateway ${name} takes ${words.map(word => `<${word}>`).join(' ') || 'nothing'} behind it`
  const missing = words[given.length]
  if (missing !== undefined) return `${takes}: <${missing}> is missing.`
  return `${takes}: ${quoted(given[words.length] ?? '')} is too much${words.length > 0 ? ', and what has blanks needs quotes' : ''}.`
}

/** @returns what `parseArgs` says, and what to do. */
function sentenceOf (name: CommandName, { options }: Command, message: string): string {
  const [said = ''] = message.split(/\.?(?: To |\n|$)/)
  const unknown = /^Unknown option '(-.*?)'/.exec(said)?.[1]
  if (unknown === undefined) return `${said}.`
  if (name === 'start') return `${said}: the gateway is configured by its environment.`
  return said + (meantBy(unknown, Object.keys(options).map(option => `--${option}`)) ?? ': put -- before a word that begins with -.')
}
