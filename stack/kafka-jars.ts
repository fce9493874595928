import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onPath, run } from './commands.ts'
import { installOnce } from './install-once.ts'
import { MissingPartError } from './missing-part.ts'

const VERSION = '4.3.1'
/** Kafka 4 needs it. */
const JAVA = 17
const INSTALL_TIMEOUT_MS = 5 * 60_000
/** Any will do: each broker is a cluster of its own. */
const CLUSTER_ID = '4L6g3nShT-eMCtK--X86sw'

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
`

function missing(what: string): MissingPartError {
  return new MissingPartError(
    `Kafka needs ${what}: install it (Debian: apt install openjdk-17-jre-headless maven), ` +
      'or set MESHTAP_KAFKA to the host:port of a running broker',
  )
}

async function findJava(): Promise<{ java: string; javaVersion: string }> {
  const command = onPath('java')
  if (command === undefined) throw missing(`Java ${JAVA} or later, and there is no java on the PATH`)
  const printed = await run(command, ['-version'], 30_000)
  const javaVersion = /version "([\w.+-]+)"/.exec(printed)?.[1] ?? 'unknown'
  if (Number.parseInt(javaVersion) < JAVA) {
    throw missing(`Java ${JAVA} or later, and ${command} is ${javaVersion}`)
  }
  return { java: command, javaVersion }
}

/** What a broker is started from. */
export interface KafkaInstallation {
  readonly name: string
  readonly java: string
  readonly javaVersion: string
  /** The directory of Kafka's jars. */
  readonly jars: string
  /**
   * A data directory as `kafka-storage format` makes it, to be copied: formatting takes a JVM and a second, for the
   * same few bytes each time.
   */
  readonly formatted: string
}

/**
 * Fetches Kafka, where this was not done before.
 *
 * @throws MissingPartError where Java or Maven is missing
 */
export async function kafkaInstallation(): Promise<KafkaInstallation> {
  const { java, javaVersion } = await findJava()
  const name = `kafka-${VERSION}`
  const installed = await installOnce(name, async (directory) => {
    const mvn = onPath('mvn')
    if (mvn === undefined) throw missing('Maven to fetch its jars, and there is no mvn on the PATH')
    const pom = join(directory, 'pom.xml')
    const jars = join(directory, 'jars')
    mkdirSync(jars)
    writeFileSync(pom, POM)
    await run(
      mvn,
      [
        '-q',
        '-B',
        '-f',
        pom,
        'dependency:copy-dependencies',
        '-DincludeScope=runtime',
        `-DoutputDirectory=${jars}`,
      ],
      INSTALL_TIMEOUT_MS,
    )
    const settings = join(directory, 'format.properties')
    writeFileSync(
      settings,
      `process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\n` +
        `listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\ncontroller.listener.names=CONTROLLER\n` +
        `log.dirs=${join(directory, 'formatted')}\n`,
    )
    await run(
      java,
      [
        '-Xmx128m',
        '-cp',
        join(jars, '*'),
        'kafka.tools.StorageTool',
        'format',
        '-t',
        CLUSTER_ID,
        '-c',
        settings,
      ],
      60_000,
    )
  })
  return { name, java, javaVersion, jars: join(installed, 'jars'), formatted: join(installed, 'formatted') }
}
