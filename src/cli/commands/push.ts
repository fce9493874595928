import { type Command, Option } from 'commander'
import { MAX_PRODUCER_BYTES } from '../../event/limits.ts'
import { usageError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { durationFlag, mappingFlag, rateFlag, wholeNumberFlag } from '../flag-values.ts'
import { INPUT_FORMATS, type InputFormat } from '../push/format.ts'
import { push } from '../push/push.ts'
import { readMapping } from '../push/read-mapping.ts'
import { addIngestOptions, type IngestFlags, openIngest } from '../servers.ts'
import { untilStopped } from '../stop-signal.ts'

interface Flags extends IngestFlags {
  readonly otlp?: true
  readonly format?: InputFormat
  readonly batch: number
  readonly rate?: number
  readonly retryFor: number
  readonly skipMalformed?: true
  readonly producer?: string
  readonly mapping?: string
  readonly dryRun?: true
}

const DAY_MS = 86_400_000

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Sends the events of a file: JSON (an array, or one event after the other), NDJSON, one EventBatch, or with --otlp ' +
        'OTLP trace messages. gzip is unpacked.',
    )
    .argument('<file>', 'the file, or - for the standard input')
  addIngestOptions(command)
  command
    .option(
      '--otlp',
      'the file holds OTLP ExportTraceServiceRequest messages, JSON or protobuf, sent as they are',
    )
    .addOption(
      new Option('--format <format>', 'what the file holds, where its beginning does not tell').choices(
        INPUT_FORMATS,
      ),
    )
    .addOption(
      new Option('--batch <events>', 'events of a batch').argParser(wholeNumberFlag(1, 10_000)).default(500),
    )
    .addOption(new Option('--rate <number>', 'most events a second').argParser(rateFlag(0.01, 10_000_000)))
    .addOption(
      new Option('--retry-for <duration>', 'how long a batch is sent again while it is not taken')
        .argParser(durationFlag(0, DAY_MS))
        .default(60_000, '1m'),
    )
    .addOption(
      new Option(
        '--mapping <mapping>',
        'the file holds lines of an access log: of nginx, haproxy, traefik or caddy, or as a file says that maps them',
      ).argParser(mappingFlag),
    )
    .option('--dry-run', 'print the events, a line of JSON each, and send nothing')
    .option('--skip-malformed', 'leave out what is no event, and count it, instead of stopping there')
    .option('--producer <id>', 'number what is sent as this producer (default: a new UUID)')
    .addHelpText(
      'after',
      `
What is sent is numbered, so that it counts once if it is sent again. A push that broke off can be run again with the same
file, options and --producer within the hour: what was counted before is not counted twice.

Examples:
  meshtap push events.ndjson
  zcat day.json.gz | meshtap push - --rate 1000
  meshtap push events.json.gz --producer import-2026-11-24
  meshtap push --otlp spans.json
  meshtap push --mapping my-proxy.yaml --dry-run access.log`,
    )
    .action((path: string, flags: Flags) => run(context, path, flags))
}

async function run(context: CliContext, path: string, flags: Flags): Promise<void> {
  const { otlp, format, batch, rate, retryFor, skipMalformed, producer, mapping, dryRun } = flags
  if (otlp && (mapping !== undefined || dryRun !== undefined))
    throw usageError('--otlp sends messages as they are: --mapping and --dry-run are for events only')
  if (mapping !== undefined && format !== undefined)
    throw usageError('--mapping reads lines: --format does not go with it')
  if (otlp && (rate !== undefined || skipMalformed !== undefined)) {
    throw usageError('--otlp sends messages as they are: --rate and --skip-malformed are for events only')
  }
  if (producer !== undefined && (producer === '' || Buffer.byteLength(producer) > MAX_PRODUCER_BYTES)) {
    throw usageError(`--producer must have 1 to ${MAX_PRODUCER_BYTES} bytes`)
  }
  const options = {
    path,
    ingest: openIngest(context, flags),
    kind: otlp ? 'otlp' : 'events',
    ...(format === undefined ? {} : { format }),
    batch,
    ...(rate === undefined ? {} : { rate }),
    retryForMs: retryFor,
    skipMalformed: skipMalformed === true,
    ...(producer === undefined ? {} : { producer }),
    ...(mapping === undefined ? {} : { mapping: await readMapping(mapping) }),
    isDryRun: dryRun === true,
  } as const
  await untilStopped((signal) => push(context, { ...options, signal }))
}
