/** Before `npm test`: fetches what servers of tests are started from, so that no test waits for a download. */
import { classArchive } from './kafka-classes.ts'
import { kafkaInstallation } from './kafka-jars.ts'
import { librdkafka } from './librdkafka.ts'
import { prometheusInstallation } from './prometheus-binary.ts'
import {
  PROXIES,
  caddyBinary,
  envoyBinary,
  proxyBinary,
  rsyslogBinary,
  traefikBinary,
} from './proxy-binaries.ts'
import { redisBinary } from './redis-binary.ts'

const PARTS = [
  ['MESHTAP_KAFKA', async () => classArchive(await kafkaInstallation())],
  ['MESHTAP_REDIS', redisBinary],
  [undefined, librdkafka],
  [undefined, prometheusInstallation],
  [undefined, envoyBinary],
  [undefined, caddyBinary],
  [undefined, traefikBinary],
  [undefined, () => Promise.all([rsyslogBinary(), ...PROXIES.map(proxyBinary)])],
] as const

for (const [variable, fetchPart] of PARTS) {
  if (variable !== undefined && (process.env[variable] ?? '') !== '') continue
  try {
    await fetchPart()
  } catch (error) {
    // Those tests fail that need it, with the same words; the others do not.
    process.stderr.write(`warning: tests will fail: ${(error as Error).message}\n`)
  }
}
