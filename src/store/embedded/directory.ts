// The data directory: made when it is missing, and what is wrong with it in one sentence.
import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

const DENIED = 'permission denied. Let this user write there, or set another one'

const reasons: Record<string, string> = {
  EACCES: DENIED,
  ENOENT: 'this place holds no such things',
  EPERM: DENIED,
  EROFS: 'the file system is read-only. Set another one',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EEXIST: 'there is a file of this name',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'it is a directory',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle'
}

/** @returns an Error of one sentence: what cannot be done, and why. */
export function sayWhy (what: string, error: unknown): Error {
  const { code = '', message } = error as NodeJS.ErrnoException
  return new Error(`${what}: ${reasons[code] ?? message}`)
}

/** Makes a directory for this user only, and those above it. Throws an Error of one sentence. */
export async function makeDirectory (path: string): Promise<void> {
  try {
    await make(resolve(path))
  } catch (error) {
    throw sayWhy(`IRIS_DATA_DIR: the directory ${resolve(path)} cannot be made`, error)
  }
}

/** Not mkdir's own `recursive`: where a directory is there but nothing can be made in it (`/proc`), that tries for ever. */
async function make (path: string): Promise<void> {
  try {
    await mkdirOnce(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error
    await make(dirname(path))
    await mkdirOnce(path)
  }
}

async function mkdirOnce (path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const isThere = await stat(path).then(found => found.isDirectory(), () => false)
    if (!isThere) throw error
  }
}
