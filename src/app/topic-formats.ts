import { readFile } from 'node:fs/promises'
import type { BareFormat } from '../aggregator/record-decoder.ts'
import type { TopicFormat } from '../config/event-settings.ts'
import { decodeOtlpTraces } from '../event/otlp-decoder.ts'
import { isReadWith } from '../log/mirrored-topic.ts'
import { named } from './doors.ts'
import type { RoleContext } from './role-context.ts'

/** Decoders of records that do not say what they are, by topic. Rejects with a SettingError where a mapping is wrong. */
export async function openTopicFormats({
  settings,
}: RoleContext<'aggregator' | 'gateway'>): Promise<ReadonlyMap<string, BareFormat>> {
  const formats = new Map<string, BareFormat>()
  for (const { topic, format } of settings.topicFormats) {
    named('topic-formats', () => {
      if (formats.has(topic)) throw new RangeError(`${topic} has two formats`)
      if (!isReadWith(settings.topic, topic))
        throw new RangeError(
          `${topic} is not read: only ${settings.topic} and <cluster>.${settings.topic} are`,
        )
    })
    formats.set(topic, await openFormat(format))
  }
  return formats
}

async function openFormat(format: TopicFormat['format']): Promise<BareFormat> {
  if (format.kind === 'otlp') return decodeOtlpTraces
  const { parseMapping } = await import('../mapping/parse-mapping.ts')
  const { decodeLines } = await import('../mapping/mapping.ts')
  const text = await readFile(format.path, 'utf8').catch((error: NodeJS.ErrnoException) => error)
  const mapping = named('topic-formats', () => {
    if (typeof text === 'string') return parseMapping(text, format.path)
    throw new RangeError(`${format.path} cannot be read: ${text.code ?? text.message}`, { cause: text })
  })
  return (bytes, columns) => decodeLines(mapping, bytes, columns)
}
