// How far V8's young generation grows.

/**
 * What a request leaves behind dies in the young generation. V8 of Node 24 lets each half of it grow
 * to 64 MiB, four times as far as that of Node 22 did, and keeps them: for an idle stream of 10,000
 * that was as much again as all that is held for it, and no message got cheaper by it.
 * Smaller ones keep no less: what is under way when they are full grows old, and stays until the next full collection. docs/performance.md
 */
const MIB = 16

/** For the command line of Node. */
export const YOUNG_FLAG = `--max-semi-space-size=${MIB}`

const isSaid = (words: string[]) => words.some(word => word.includes('semi-space-size') || word.includes('semi_space_size'))

/**
 * Starts the process anew in its place, with the flag: V8 reads it before any code runs, and not again. Does nothing when whoever
 * started Node has said a size, when this Node cannot, and with a parent that speaks to this process, whose channel would be lost.
 */
export function boundYoung (main: string): void {
  const { execArgv, execPath, argv, env, connected, platform } = process
  if (isSaid([...execArgv, env['NODE_OPTIONS'] ?? '']) || connected || platform === 'win32') return
  try {
    process.execve?.(execPath, [execPath, YOUNG_FLAG, ...execArgv, main, ...argv.slice(2)], env)
  } catch {
    // it may not (`node --permission`): then it grows as far as it does
  }
}
