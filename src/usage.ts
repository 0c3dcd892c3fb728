// What the process says to arguments. It takes none: everything is configured by the environment.
import { readFileSync } from 'node:fs'
import { configTable } from './config-table.js'

const COLUMN = 34

/** @returns what to print, and the exit code; undefined when there are no arguments, so that Iris starts. */
export function answerTo (args: readonly string[]): { text: string, code: number } | undefined {
  if (args.length === 0) return undefined
  const unknown = args.find(arg => !['--help', '-h', '--version', '-v'].includes(arg))
  if (unknown !== undefined) {
    return {
      text: `Iris takes no argument ${JSON.stringify(unknown)}: it is configured by its environment, see --help\n`,
      code: 2
    }
  }
  return { text: args.some(arg => arg === '--help' || arg === '-h') ? usage() : `${version()}\n`, code: 0 }
}

function version (): string {
  return (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
}

function usage (): string {
  const rows = configTable.map(({ name, type, default: preset, sentence }) => {
    const facts = `${type.replaceAll('\\|', '|')}${preset === undefined || preset === '' ? '' : `, default ${preset}`}`
    return `  ${name.padEnd(COLUMN)}${facts}\n  ${''.padEnd(COLUMN)}${sentence.replaceAll('`', '')}`
  })
  return [
    'Iris, an online-chat gateway.', '', 'Usage: npm start [-- --help | --version], with its configuration in the environment:', '',
    ...rows, ''
  ].join('\n')
}
