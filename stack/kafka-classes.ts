import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from './install-once.ts'
import { startBroker } from './kafka-broker.ts'
import type { KafkaInstallation } from './kafka-jars.ts'
import { ServerStartError } from './server-process.ts'

const WRITE_LIMIT_MS = 60_000

/**
 * A file of Kafka's classes as this Java has them once a broker runs, written once into the user's cache: with it a
 * broker starts in half the processor time. Undefined where this Java cannot write one.
 */
export async function classArchive(installation: KafkaInstallation): Promise<string | undefined> {
  const { name, javaVersion } = installation
  try {
    // Of this Java, and written when the jars are where they stay: another Java, or other paths, would not use it.
    const installed = await installOnce(`${name}-classes-${javaVersion}`, async (directory) => {
      const run = join(directory, 'broker')
      const flags = [`-XX:ArchiveClassesAtExit=${join(directory, 'kafka.jsa')}`]
      const { server } = await startBroker(installation, { directory: run, flags })
      await server.stop(WRITE_LIMIT_MS)
      await rm(run, { recursive: true })
    })
    return join(installed, 'kafka.jsa')
  } catch (error) {
    if (error instanceof ServerStartError) return undefined
    throw error
  }
}
