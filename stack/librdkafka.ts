import { installWheel, type Wheel } from './wheel.ts'

/** A wheel that carries librdkafka: a Kafka client that shares no code with ours. */
const WHEEL = 'confluent-kafka==2.16.1'

/**
 * Python with librdkafka, fetched once into the user's cache.
 *
 * @throws MissingPartError where it cannot be fetched
 */
export function librdkafka(): Promise<Wheel> {
  return installWheel(
    WHEEL,
    'librdkafka is missing, by which the log is held to what other clients write and read. It needs Python 3 with pip ' +
      '(Debian: apt install python3-pip)',
  )
}
