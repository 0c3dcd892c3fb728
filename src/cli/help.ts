// What the command line says of itself.
import { configTable } from '../config-table.js'
import type { Command } from './command.js'
import { commandTable, type CommandName } from './commands.js'

const COLUMN = 34
const row = (name: string, does: string, inset = '  ') => `${inset}${name.padEnd(COLUMN + 2 - inset.length)}${does}`

const usageOf = (name: string, { words }: Command) => [name, ...words.map(word => `<${word}>`)].join(' ')

const optionsIn = ({ options }: Command, inset: string) =>
  Object.entries(options).map(([option, { value, does }]) => row(`--${option} <${value}>`, does, inset))

/** @returns the commands and their options, on a screen. */
export function shortHelp (): string {
  const rows = [...commandTable].flatMap(([name, command]) =>
    [row(usageOf(name, command), command.does), ...optionsIn(command, '    ')])
  return [
    'Usage: iris-gateway [command] [options]', '', ...rows,
    row('-h, --help', 'All this; behind a command: of that one.'),
    row('-v, --version', 'The version.'), ''
  ].join('\n')
}

/** @returns how one command is called. */
export function usage (name: CommandName): string {
  const command = commandTable.get(name) as Command
  const options = optionsIn(command, '  ')
  return [
    `Usage: iris-gateway ${usageOf(name, command)}${options.length > 0 ? ' [options]' : ''}`, '', command.does,
    ...options.length > 0 ? ['', ...options] : [], ''
  ].join('\n')
}

const codes = [
  'Exit code:', '',
  row('0', 'It is done; of a gateway: it has ended in order.'),
  row('1', 'It is not: one sentence on stderr says why. Of doctor: something is wrong.'),
  row('2', 'The command line is wrong.'),
  row('130, 143, 129', 'Ctrl-C, SIGTERM, SIGHUP has ended it. A gateway ends in order, with 0.'),
  row('141', 'Who read what it prints has gone.'), ''
]

/** Every variable. */
function configuration (): string[] {
  const rows = configTable.map(({ name, type, default: preset, sentence }) => {
    const facts = `${type.replaceAll('\\|', '|')}${preset === undefined || preset === '' ? '' : `, default ${preset}`}`
    return `${row(name, facts)}\n${row('', sentence.replaceAll('`', ''))}`
  })
  return ['Its configuration is in the environment:', '', ...rows, '']
}

/** A screen has no room for them. */
const elsewhere = ['It is configured by its environment: iris-gateway start --help tells all of it, as docs/configuration.md does.', '']

/** @returns what it can do, the commands last; or all that there is to say of one command. */
export function help (of?: CommandName): string {
  if (of === undefined) return ['Iris, an online-chat gateway.', '', ...codes, ...elsewhere, shortHelp()].join('\n')
  return [usage(of), ...codes, ...of === 'start' ? configuration() : []].join('\n')
}
