// The data directory: made when it is missing, and what is wrong with it in one sentence.
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'

const reasons: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
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
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw sayWhy(`IRIS_DATA_DIR: the directory ${resolve(path)} cannot be made`, error)
  }
}
