// What the command line says of itself.
import { configTable } from '../config-table.js'
import { commandTable } from './commands.js'

const COLUMN = 34

/** @returns the commands and their options, on a screen. */
export function shortHelp (): string {
  const rows = [...commandTable].flatMap(([name, { words, options, does }]) => [
    `  ${[name, ...words.map(word => `<${word}>`)].join(' ').padEnd(COLUMN)}${does}`,
    ...Object.entries(options).map(([option, { value, does }]) => `    ${`--${option} <${value}>`.padEnd(COLUMN - 2)}${does}`)
  ])
  const flags = [['-h, --help', 'All this, and all that can be configured.'], ['-v, --version', 'The version.']]
  return [
    'Usage: iris-gateway [command] [options]', '', ...rows, ...flags.map(([flag = '', does]) => `  ${flag.padEnd(COLUMN)}${does}`), ''
  ].join('\n')
}

/** @returns the same, and every variable of the configuration. */
export function help (): string {
  const rows = configTable.map(({ name, type, default: preset, sentence }) => {
    const facts = `${type.replaceAll('\\|', '|')}${preset === undefined || preset === '' ? '' : `, default ${preset}`}`
    return `  ${name.padEnd(COLUMN)}${facts}\n  ${''.padEnd(COLUMN)}${sentence.replaceAll('`', '')}`
  })
  return ['Iris, an online-chat gateway.', '', shortHelp(), 'Its configuration is in the environment:', '', ...rows, ''].join('\n')
}
