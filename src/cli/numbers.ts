// Numbers on the command line.
import { Refusal } from './refusal.js'

/** @returns a whole number from 1 on; undefined when it was not given. Throws a Refusal that names the option. */
export function wholeNumber (option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Refusal(`${option} must be a whole number from 1 on, not ${JSON.stringify(text.slice(0, 100))}.`)
}
