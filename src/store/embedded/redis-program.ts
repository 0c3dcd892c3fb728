// The redis-server of this machine.
import { spawnSync } from 'node:child_process'

/** @returns the version of this machine's redis-server. Throws an Error of one sentence when it is missing or older than 7.0. */
export function redisProgram (): string {
  const { error, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  if (error) throw new Error('redis-server is not installed: install it (Debian: apt-get install redis-server), or set IRIS_REDIS_URL')
  const version = /v=(\d+\.\S*)/.exec(stdout)?.[1]
  if (version === undefined || Number.parseInt(version) < 7) {
    throw new Error(`redis-server ${version ?? 'of an unknown version'} ` +
      'is too old: 7.0 is the floor; install a newer one, or set IRIS_REDIS_URL')
  }
  return version
}
