// A certificate for this machine, which this process believes from then on.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { Test } from 'tap'

/** For the `skip` of a test. */
export const noOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status !== 0 && 'no openssl to make a certificate with'

/** Makes a key and its certificate for `localhost`, good for a day. @returns where they are. */
export function makeCertificate (t: Test): { cert: string, key: string } {
  const directory = t.testdir()
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const { status, stderr } = spawnSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert
  ], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  setDefaultCACertificates([...getCACertificates(), readFileSync(cert, 'utf8')])
  return { cert, key }
}
