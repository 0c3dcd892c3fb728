// One at a time: who installs or builds has the repository for himself, until he has done it, or has died. Node core only.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Not inside node_modules/ or build/: both are emptied. */
const LOCK = '.bootstrap.lock'
const LOOK_MS = 100
/** Longer than any installation takes. */
const MOST_MS = 900_000

/**
 * Waits until nobody else has the turn in this repository.
 * @param say prints a line, when it has to wait.
 * @returns what gives the turn back; the end of the process does so, too. Throws an Error of one sentence when it does not come.
 */
export function takeTurn (root, say) {
  const file = join(root, LOCK)
  const draft = `${file}.${process.pid}`
  try {
    writeFileSync(draft, markOf(process.pid))
  } catch (error) {
    if (['EACCES', 'EROFS'].includes(error.code)) return () => undefined // who cannot write here neither installs nor builds
    throw error
  }
  try {
    waitFor(file, draft, say)
  } finally {
    rmSync(draft, { force: true })
  }
  const leave = () => {
    process.removeListener('exit', leave)
    rmSync(file, { force: true })
  }
  process.on('exit', leave)
  return leave
}

function waitFor (file, draft, say) {
  let said = ''
  for (const began = performance.now(); !isTaken(draft, file); sleep()) {
    const owner = read(file)
    if (!lives(owner)) clear(file, owner)
    else if (owner !== said) {
      said = owner
      say(`waiting for another command (pid ${parseInt(owner)}) that installs or builds here`)
    }
    if (performance.now() - began > MOST_MS) {
      throw new Error(`pid ${parseInt(said)} has installed or built for ${MOST_MS / 60_000} minutes: end it, or remove ${file}`)
    }
  }
}

/** Of two who do so at once, one gets it. */
function isTaken (draft, file) {
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  }
}

/** Takes away what one who has died has left; what somebody else has put there meanwhile is put back. */
function clear (file, owner) {
  const aside = `${file}.${process.pid}.left`
  try {
    renameSync(file, aside)
  } catch {
    return // somebody was faster
  }
  if (read(aside) !== owner) isTaken(aside, file)
  rmSync(aside, { force: true })
}

function read (file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** A pid, and when it began where that can be had: pids are used again. */
const markOf = pid => `${pid} ${read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[19] ?? ''}`

function lives (owner) {
  const pid = parseInt(owner)
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error.code !== 'EPERM') return false
  }
  return owner === markOf(pid)
}

const sleep = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS)
