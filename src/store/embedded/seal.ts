// The seal of a data directory: that Redis ended in order, and nothing has touched its files since.
// It lies outside them, and is good once. [STORE-1]
import { open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** @returns where the seal lies, and the append-only files that it is for. */
export const placesOf = (dataDir: string, directory: string) =>
  ({ dataDir, file: join(dataDir, 'sealed.json'), files: join(directory, 'appendonlydir') })

export type Places = ReturnType<typeof placesOf>

/** To be called when the private Redis has ended in order, with all that was written on disk. Throws where it cannot be written. */
export async function seal (places: Places): Promise<void> {
  await write(places.file, await describe(places.files))
  await sync(places.dataDir)
}

/**
 * Breaks the seal, on disk as well, before anything is written: what is lost from then on is not taken for all.
 * @returns whether there was one, and it is of the files that are there. Throws where it cannot be taken away.
 */
export async function breakSeal (places: Places): Promise<boolean> {
  const sealed = await readFile(places.file, 'utf8').catch(() => undefined)
  const isWhole = sealed !== undefined && sealed === await describe(places.files).catch(() => undefined)
  await rm(places.file, { force: true })
  await sync(places.dataDir)
  return isWhole
}

/** A file that was copied back has another inode, one that was written to another ctime: neither can be set. */
async function describe (directory: string): Promise<string> {
  const names = (await readdir(directory)).sort()
  const rows = await Promise.all(names.map(async name => {
    const { ino, ctimeNs, size } = await stat(join(directory, name), { bigint: true })
    return { name, inode: String(ino), ctimeNs: String(ctimeNs), size: String(size) }
  }))
  return JSON.stringify(rows, undefined, 2)
}

async function write (path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally { await file.close() }
}

async function sync (directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try { await handle.sync() } finally { await handle.close() }
}
