// What the command line can do, each loaded when it is asked for: the table that arguments are read by, and the help is made of.
import type { ParseArgsConfig } from 'node:util'
import type { Command } from './command.js'

const url = { value: 'url', does: 'where the gateway is; unset: as IRIS_HOST and IRIS_PORT say' }

export const commands = {
  start: {
    words: [],
    options: {},
    does: 'Run the gateway. It is what is done without a command, too.',
    load: () => import('./start.js').then(({ run }) => run)
  },
  token: {
    words: ['user'],
    options: { url, ttl: { value: 'time', does: 'for how long it is good: seconds, or 15m, 8h, 30d; unset: an hour' } },
    does: 'Print a token of a user, made by the gateway that runs.',
    load: () => import('./token.js').then(({ run }) => run)
  },
  tail: {
    words: ['user'],
    options: { url },
    does: 'Print what comes down to a user until Ctrl-C, as one more terminal of his: meanwhile he is online.',
    load: () => import('./tail.js').then(({ run }) => run)
  },
  send: {
    words: ['from', 'to', 'text'],
    options: { url, id: { value: 'id', does: 'its clientMsgId: what is sent again under the same is stored once; unset: a new one' } },
    does: 'Send a text (-: what comes on stdin) from a user to another, or to a conversation, and print the answer.',
    load: () => import('./send.js').then(({ run }) => run)
  },
  doctor: {
    words: [],
    options: {
      url: { value: 'url', does: 'looks from outside at what stands in front of a gateway, instead of at this machine' },
      token: { value: 'token', does: 'of any user, for the streams; unset: one is made by the server key' },
      hold: { value: 'time', does: 'for how long connections are kept idle: seconds, or 2m, 50m at most; unset: 35' }
    },
    does: 'Look for what is wrong: a line for each check, with what to do. Exit code 1 when something is.',
    load: () => import('./doctor.js').then(({ run }) => run)
  }
} as const satisfies Record<string, Command>

export type CommandName = keyof typeof commands

/** The same table, for who goes through it. */
export const commandTable: ReadonlyMap<string, Command> = new Map(Object.entries(commands))

export const isCommand = (name: string): name is CommandName => commandTable.has(name)

/** For `parseArgs`. */
export const optionsOf = ({ options }: Command): ParseArgsConfig['options'] => ({
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  ...Object.fromEntries(Object.keys(options).map(name => [name, { type: 'string' as const }]))
})
