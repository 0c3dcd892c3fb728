// A real nginx in front of a server, with a configuration of the project or of a test.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { until } from './user.js'

const program = process.env['IRIS_NGINX'] ?? 'nginx'

/** For the `skip` of a test. */
export const noNginx = spawnSync(program, ['-v'], { stdio: 'ignore' }).status !== 0 && 'no nginx'

/** @returns the text of a file of `deploy/`. */
export const deployed = (name: string) => readFileSync(new URL(`../../../deploy/${name}`, import.meta.url), 'utf8')

interface Facts {
  /** What stands in its `http` block. */
  http: string
  /** Where it answers then. */
  url: string
  /** More files by their names, for `include`: they lie beside its configuration. */
  files?: Record<string, string>
}

/** Starts nginx; it ends with the test. Resolves when it answers. */
export async function startNginx (t: Test, { http, url, files = {} }: Facts): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'iris-nginx-'))
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${directory}/${name};`).join(' ')
  // its workers cannot enter the directory unless they are who this process is
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  writeFileSync(join(directory, 'nginx.conf'), `${user}daemon off; worker_processes 2; ` +
    `pid ${directory}/pid; events {} http { access_log off; ${folders}\n${http}}`)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  // its own lines tell of what a test breaks on purpose
  const log = join(directory, 'errors')
  const nginx = spawn(program, ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', log], { stdio: 'ignore' })
  t.teardown(async () => {
    nginx.kill('SIGTERM')
    if (nginx.exitCode === null) await once(nginx, 'exit')
    rmSync(directory, { recursive: true })
  })
  await until(async () => {
    if (nginx.exitCode !== null) throw new Error(`nginx has ended: ${readFileSync(log, 'utf8')}`)
    return await fetch(url).then(() => true, () => undefined)
  })
}
