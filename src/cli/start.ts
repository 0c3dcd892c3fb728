// `iris-gateway start`.
import { start } from '../process.js'
import type { Run } from './command.js'

export const run: Run = async () => {
  await start()
  return undefined
}
