import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

/** A certificate and its private key, as PEM, and the files that have them. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
  readonly certFile: string
  readonly keyFile: string
}

export interface Authority {
  readonly ca: Buffer
  readonly caFile: string
  /** Signs a certificate for a name; `altNames` as OpenSSL writes them, such as `URI:spiffe://…`. */
  readonly sign: (name: string, altNames?: string) => Certificate
}

/** A certificate authority whose files are in a directory. */
export function authority(directory: string): Authority {
  const file = (name: string) => `${directory}/${name}`
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const newKey = (name: string) => [...curve, '-keyout', file(`${name}.key`)]
  openssl('req', '-x509', ...newKey('ca'), '-out', file('ca.pem'), '-subj', '/CN=ca', '-days', '2')
  const sign = (name: string, altNames?: string): Certificate => {
    openssl('req', ...newKey(name), '-out', file(`${name}.csr`), '-subj', `/CN=${name}`)
    const extensions = file(`${name}.cnf`)
    writeFileSync(extensions, altNames === undefined ? '' : `subjectAltName = ${altNames}\n`)
    const inOut = ['-in', file(`${name}.csr`), '-out', file(`${name}.pem`)]
    const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-extfile', extensions]
    openssl('x509', '-req', ...inOut, ...by, '-days', '2')
    const [certFile, keyFile] = [file(`${name}.pem`), file(`${name}.key`)]
    return { cert: readFileSync(certFile), key: readFileSync(keyFile), certFile, keyFile }
  }
  return { ca: readFileSync(file('ca.pem')), caFile: file('ca.pem'), sign }
}
