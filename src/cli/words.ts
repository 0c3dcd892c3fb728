// Words and values of the command line that must have a form.
import { ConversationId, UserId } from '../protocol/ids.js'
import { quoted } from '../spelling.js'
import { Misuse } from './refusal.js'

const USER = new RegExp(UserId.pattern as string)
const CONVERSATION = new RegExp(ConversationId.pattern as string)
const units: Record<string, number> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 }

/** @returns a user's id. Throws a Misuse that names the word. */
export function userIn (word: string, text: string): string {
  if (USER.test(text)) return text
  throw new Misuse(`<${word}> must be a user, 1 to 64 of the characters A-Z, a-z, 0-9, _ and -, not ${quoted(text)}.`)
}

/** @returns a user's id, or a conversation's, which has a dot. Throws a Misuse that names the word. */
export function targetIn (word: string, text: string): string {
  if (!text.includes('.')) return userIn(word, text)
  if (CONVERSATION.test(text)) return text
  throw new Misuse(`<${word}> must be a user, or a conversation as dm.alice.bob or g.support-7, not ${quoted(text)}.`)
}

/** @returns seconds; undefined when it was not given. Throws a Misuse that names the option. */
export function secondsIn (option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, number, unit = ''] = /^([1-9]\d{0,8})([smhd]?)$/.exec(text) ?? []
  if (number !== undefined) return Number(number) * (units[unit] as number)
  throw new Misuse(`${option} must be seconds from 1 on, or minutes, hours, days as 15m, 8h, 30d, not ${quoted(text)}.`)
}
