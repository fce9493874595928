import { counter, gauge, histogram, type OwnFamily, type RoleName } from './own-family.ts'

const ALL = ['serve', 'ingest', 'aggregator', 'gateway', 'exporter'] as const
const HTTP = ['serve', 'ingest', 'gateway'] as const
const INTAKE = ['serve', 'ingest'] as const
const FOLDING = ['serve', 'aggregator'] as const
const ANSWERING = ['serve', 'gateway'] as const
const EXPOSING = ['serve', 'exporter'] as const
const APPENDING = ['serve', 'ingest', 'aggregator'] as const
const IDENTIFYING = ['serve', 'aggregator', 'gateway'] as const
const STORING = ['serve', 'aggregator', 'gateway', 'exporter'] as const
const ON_KAFKA = ['ingest', 'aggregator'] as const
const ON_REDIS = ['aggregator', 'gateway', 'exporter'] as const
const TAPS_ON_REDIS = ['aggregator', 'gateway'] as const
const EMBEDDED = ['serve'] as const

/**
 * Every metric of meshtap's own, once: what a role exposes is made from it, and dashboards, rules and docs/metrics.md are
 * held against it.
 */
export const OWN_FAMILIES = [
  // The process.
  gauge('meshtap_build_info', 'Which meshtap this is.', {
    labels: ['version', 'role'],
    unit: 'info',
    roles: ALL,
  }),
  gauge('meshtap_event_loop_delay_seconds', 'How late timers were since the scrape before, by percentile.', {
    labels: ['percentile'],
    roles: ALL,
  }),
  counter('meshtap_troubles_total', 'What went wrong and was tried again, as the log says it, by kind.', {
    labels: ['kind'],
    roles: ALL,
  }),

  counter('meshtap_tracing_spans_total', 'Spans of what is traced here: sent, failed or dropped.', {
    labels: ['outcome'],
    roles: ALL,
  }),

  // Servers of HTTP.
  counter(
    'meshtap_http_requests_total',
    'Requests answered, by route and class of the status code; not those that became a websocket.',
    {
      labels: ['server', 'route', 'code'],
      roles: HTTP,
    },
  ),
  counter('meshtap_http_problems_total', 'Requests refused or failed, by the code of the problem.', {
    labels: ['server', 'reason'],
    roles: HTTP,
  }),
  counter('meshtap_http_dropped_connections_total', 'Connections closed because there were too many.', {
    labels: ['server'],
    roles: HTTP,
  }),

  counter(
    'meshtap_http_cut_connections_total',
    'Connections cut because their clients took nothing of an answer, or asked too much before they were answered.',
    { labels: ['server'], roles: HTTP },
  ),

  // Ingest.
  counter(
    'meshtap_ingest_requests_total',
    'Bodies of events over HTTP, by format and class of the status code.',
    {
      labels: ['format', 'code'],
      roles: INTAKE,
    },
  ),
  counter('meshtap_ingest_events_total', 'Events that the log has taken, by how they came: http or grpc.', {
    labels: ['transport'],
    roles: INTAKE,
  }),
  counter('meshtap_ingest_records_total', 'Log records made of them.', {
    labels: ['transport'],
    roles: INTAKE,
  }),
  counter('meshtap_ingest_wire_bytes_total', 'Bytes of bodies as they came, of bodies that were taken.', {
    labels: ['transport'],
    roles: INTAKE,
  }),
  counter('meshtap_ingest_body_bytes_total', 'Bytes of the same bodies, inflated.', {
    labels: ['transport'],
    roles: INTAKE,
  }),
  counter('meshtap_ingest_unknown_fields_total', 'Fields of events that this version does not know.', {
    labels: ['transport'],
    roles: INTAKE,
  }),
  counter(
    'meshtap_ingest_skipped_spans_total',
    'Spans that are no request, and entries of logs that are none.',
    {
      labels: ['transport'],
      roles: INTAKE,
    },
  ),
  gauge('meshtap_ingest_in_flight_bytes', 'Bytes of bodies being handled.', { roles: INTAKE }),
  gauge('meshtap_ingest_in_flight_limit_bytes', 'Most of them; more is refused with OVERLOADED.', {
    roles: INTAKE,
  }),
  counter('meshtap_grpc_calls_total', 'Calls of ingest over gRPC.', { roles: INTAKE }),
  gauge('meshtap_grpc_open_calls', 'Calls that go on, streams among them.', { roles: INTAKE }),
  counter(
    'meshtap_grpc_problems_total',
    'Calls and messages refused or failed, by the code of the problem.',
    {
      labels: ['reason'],
      roles: INTAKE,
    },
  ),
  counter('meshtap_grpc_dropped_connections_total', 'Connections closed because there were too many.', {
    roles: INTAKE,
  }),
  gauge(
    'meshtap_grpc_waiting_messages',
    'Messages of streams that wait until less is on its way into the log.',
    {
      roles: INTAKE,
    },
  ),
  counter('meshtap_grpc_retries_total', 'Times that access logs were given to the log again.', {
    roles: INTAKE,
  }),
  counter(
    'meshtap_grpc_lost_messages_total',
    'Messages of access logs that were malformed, or given up at a stop.',
    {
      roles: INTAKE,
    },
  ),

  // The log.
  gauge('meshtap_log_connected', 'Whether the log answers.', {
    unit: 'bool',
    roles: APPENDING,
  }),
  histogram('meshtap_log_append_duration_seconds', 'Appends until the log has them, those that failed too.', {
    roles: APPENDING,
  }),
  counter('meshtap_log_append_errors_total', 'Appends that failed, by code.', {
    labels: ['code'],
    roles: APPENDING,
  }),
  counter('meshtap_log_appended_records_total', 'Records that the log has taken.', { roles: APPENDING }),
  counter('meshtap_log_appended_bytes_total', 'Bytes of these.', { roles: APPENDING }),
  gauge('meshtap_log_queued_bytes', 'Bytes of records that are not acknowledged.', { roles: APPENDING }),
  gauge('meshtap_log_subscriptions', 'Topics that are read.', { roles: APPENDING }),
  counter('meshtap_log_transactions_total', 'Transactions of the embedded log.', { roles: EMBEDDED }),
  counter('meshtap_log_failed_transactions_total', 'Transactions of the embedded log that failed.', {
    roles: EMBEDDED,
  }),
  counter('meshtap_log_deleted_records_total', 'Records deleted by retention.', { roles: EMBEDDED }),
  counter('meshtap_log_retries_total', 'Reads and hand-overs that failed and were made again.', {
    roles: EMBEDDED,
  }),
  gauge('meshtap_log_used_bytes', 'What the records of the embedded log take.', { roles: EMBEDDED }),
  gauge('meshtap_log_limit_bytes', 'What they may take; then the oldest go.', { roles: EMBEDDED }),
  counter('meshtap_kafka_produce_requests_total', 'Requests to append.', { roles: ON_KAFKA }),
  counter('meshtap_kafka_failed_produce_requests_total', 'Requests to append that failed.', {
    roles: ON_KAFKA,
  }),
  counter('meshtap_kafka_producer_renewals_total', 'Times that the producer had to get a new identity.', {
    roles: ON_KAFKA,
  }),

  // The aggregator. By partition: each event once, however often it was folded anew.
  counter('meshtap_aggregator_events_total', 'Events folded, by what they are: request or connection.', {
    labels: ['partition', 'event'],
    roles: FOLDING,
  }),
  counter('meshtap_aggregator_records_total', 'Log records read.', { labels: ['partition'], roles: FOLDING }),
  counter('meshtap_aggregator_read_bytes_total', 'Bytes of these.', {
    labels: ['partition'],
    roles: FOLDING,
  }),
  counter(
    'meshtap_aggregator_late_events_total',
    'Events of buckets that were closed; they are counted there.',
    {
      labels: ['partition'],
      roles: FOLDING,
    },
  ),
  counter(
    'meshtap_aggregator_future_events_total',
    'Events too far ahead of the clock; they count in the totals only.',
    { labels: ['partition'], roles: FOLDING },
  ),
  counter(
    'meshtap_aggregator_expired_events_total',
    'Events older than any bucket; they count in the totals only.',
    {
      labels: ['partition'],
      roles: FOLDING,
    },
  ),
  counter('meshtap_aggregator_duplicate_records_total', 'Numbered batches that came again; not folded.', {
    labels: ['partition'],
    roles: FOLDING,
  }),
  counter(
    'meshtap_aggregator_missing_records_total',
    'Records that retention deleted before they were read.',
    {
      labels: ['partition'],
      roles: FOLDING,
    },
  ),
  counter('meshtap_aggregator_unknown_fields_total', 'Fields of events that this version does not know.', {
    labels: ['partition'],
    roles: FOLDING,
  }),
  counter('meshtap_aggregator_skipped_spans_total', 'Spans that are no request.', {
    labels: ['partition'],
    roles: FOLDING,
  }),
  counter(
    'meshtap_aggregator_forgotten_producers_total',
    'Producers whose numbers were forgotten, because there were too many: what they send again counts again.',
    { labels: ['partition'], roles: FOLDING },
  ),
  counter(
    'meshtap_aggregator_dead_letters_total',
    'Records that could not be decoded and were put on the topic of dead letters, by what is wrong with them.',
    { labels: ['reason'], roles: FOLDING },
  ),
  gauge('meshtap_aggregator_lag_records', 'Records of the log that are not folded yet.', {
    labels: ['partition'],
    roles: FOLDING,
  }),
  gauge(
    'meshtap_aggregator_watermark_delay_seconds',
    'How far behind the clock the time is up to which all is folded; 0 where nothing ever came.',
    { labels: ['partition'], roles: FOLDING },
  ),
  gauge('meshtap_aggregator_partitions', 'Partitions that are read here, by state: claimed or waiting.', {
    labels: ['state'],
    roles: FOLDING,
  }),
  gauge('meshtap_aggregator_series', 'Series in the running totals.', {
    labels: ['partition'],
    roles: FOLDING,
  }),
  gauge('meshtap_aggregator_series_limit', 'Most series of a bucket: in one namespace, and overall.', {
    labels: ['scope'],
    roles: FOLDING,
  }),
  gauge('meshtap_aggregator_open_buckets', 'Buckets of 10 s that are not closed.', {
    labels: ['partition'],
    roles: FOLDING,
  }),
  counter(
    'meshtap_aggregator_overflowed_series_total',
    'Times that a series of a bucket was counted in __overflow__, because a limit was reached.',
    { labels: ['partition'], roles: FOLDING },
  ),
  counter('meshtap_aggregator_claims_total', 'Partitions claimed.', { roles: FOLDING }),
  counter('meshtap_aggregator_reclaims_total', 'Of these, partitions claimed anew without having left.', {
    roles: FOLDING,
  }),
  counter('meshtap_aggregator_commits_total', 'Commits that went through.', { roles: FOLDING }),
  counter(
    'meshtap_aggregator_refused_commits_total',
    'Commits refused: stale-epoch where another worker had claimed the partition, store-moved where the store had lost some.',
    { labels: ['reason'], roles: FOLDING },
  ),
  counter(
    'meshtap_aggregator_failures_total',
    'Claims and commits that failed, by what did: the store or the log.',
    {
      labels: ['port'],
      roles: FOLDING,
    },
  ),
  histogram(
    'meshtap_aggregator_commit_duration_seconds',
    'Commits that went through, dead letters and waiting for their turn included.',
    { roles: FOLDING },
  ),
  counter('meshtap_aggregator_committed_bytes_total', 'Bytes that were committed.', { roles: FOLDING }),
  gauge('meshtap_aggregator_commits_under_way', 'Claims and commits under way or waiting for their turn.', {
    roles: FOLDING,
  }),
  gauge('meshtap_aggregator_taps', 'Taps that events are matched against.', { roles: FOLDING }),
  counter('meshtap_aggregator_tap_frames_total', 'Frames of taps published.', { roles: FOLDING }),
  counter('meshtap_aggregator_tap_events_total', 'Events in them.', { roles: FOLDING }),
  counter('meshtap_aggregator_tap_lost_frames_total', 'Frames of taps that could not be published.', {
    roles: FOLDING,
  }),
  counter('meshtap_aggregator_tap_watch_errors_total', 'Times that taps could not be watched.', {
    roles: FOLDING,
  }),
  gauge('meshtap_aggregator_tap_held_events', 'Events held until it is chosen which are published.', {
    roles: FOLDING,
  }),
  counter(
    'meshtap_aggregator_tap_cache_resets_total',
    'Times that what was known of flows was too much to keep.',
    {
      roles: FOLDING,
    },
  ),

  // The store.
  gauge('meshtap_store_connected', 'Whether there is a connection to the store.', {
    unit: 'bool',
    roles: STORING,
  }),
  histogram('meshtap_store_request_duration_seconds', 'Calls of the store, those that failed too.', {
    labels: ['operation'],
    roles: STORING,
  }),
  counter('meshtap_store_errors_total', 'Calls of the store that failed, by code.', {
    labels: ['operation', 'code'],
    roles: STORING,
  }),
  counter('meshtap_store_written_blobs_total', 'Blobs written by commits.', { roles: STORING }),
  counter('meshtap_store_written_bytes_total', 'Bytes of these.', { roles: STORING }),
  counter('meshtap_store_swept_blobs_total', 'Blobs deleted by the embedded store because they expired.', {
    roles: EMBEDDED,
  }),
  gauge('meshtap_store_used_bytes', 'What the blobs of the embedded store take.', { roles: EMBEDDED }),
  gauge('meshtap_store_limit_bytes', 'What its file may grow to; then commits fail.', { roles: EMBEDDED }),
  gauge('meshtap_store_pending_requests', 'Calls of Redis under way.', { roles: ON_REDIS }),
  counter('meshtap_store_read_retries_total', 'Reads begun anew because a commit came between.', {
    roles: ON_REDIS,
  }),
  counter('meshtap_store_reconnects_total', 'Times that the connection to Redis was made again.', {
    roles: ON_REDIS,
  }),

  // The tap bus.
  gauge('meshtap_tap_bus_connected', 'Whether taps can be registered and published.', {
    unit: 'bool',
    roles: TAPS_ON_REDIS,
  }),
  gauge('meshtap_tap_bus_subscribed', 'Whether all subscriptions are in place.', {
    unit: 'bool',
    roles: TAPS_ON_REDIS,
  }),
  gauge('meshtap_tap_bus_queued_bytes', 'Bytes of frames that Redis has not taken.', {
    roles: TAPS_ON_REDIS,
  }),
  counter('meshtap_tap_bus_published_frames_total', 'Frames that Redis took.', { roles: TAPS_ON_REDIS }),
  counter('meshtap_tap_bus_unpublished_frames_total', 'Frames that Redis did not take, or not whole.', {
    roles: TAPS_ON_REDIS,
  }),
  counter('meshtap_tap_bus_received_frames_total', 'Frames received.', { roles: TAPS_ON_REDIS }),
  counter(
    'meshtap_tap_bus_lost_events_total',
    'Events of frames that did not arrive, as later frames tell.',
    {
      roles: TAPS_ON_REDIS,
    },
  ),
  counter(
    'meshtap_tap_bus_ignored_taps_total',
    'Registrations with a query that this version does not know.',
    {
      roles: TAPS_ON_REDIS,
    },
  ),

  // The gateway.
  histogram(
    'meshtap_gateway_query_duration_seconds',
    'Queries answered once, until the answer is made or fails.',
    {
      labels: ['route'],
      roles: ANSWERING,
    },
  ),
  gauge('meshtap_gateway_clients', 'Clients of streams, by what is streamed and how.', {
    labels: ['stream', 'transport'],
    roles: ANSWERING,
  }),
  counter(
    'meshtap_gateway_cut_websockets_total',
    'Websockets cut because of their clients: silent, talkative or malformed.',
    { labels: ['reason'], roles: ANSWERING },
  ),
  gauge('meshtap_gateway_taps', 'Different queries of taps, each one registration.', { roles: ANSWERING }),
  gauge('meshtap_gateway_replays', 'Replays under way.', { roles: ANSWERING }),
  gauge('meshtap_gateway_queued_bytes', 'Bytes that wait for clients of taps.', { roles: ANSWERING }),
  gauge('meshtap_gateway_in_flight_bytes', 'Bytes that are on their way to clients of taps.', {
    roles: ANSWERING,
  }),
  counter('meshtap_gateway_sent_events_total', 'Events sent to clients of taps, once for each.', {
    roles: ANSWERING,
  }),
  counter('meshtap_gateway_sent_bytes_total', 'Bytes of messages to clients of taps.', { roles: ANSWERING }),
  counter(
    'meshtap_gateway_dropped_events_total',
    'Events that clients of taps lost: slow-client where it read too slowly, bus where the bus lost them.',
    { labels: ['reason'], roles: ANSWERING },
  ),
  counter('meshtap_gateway_bus_errors_total', 'Failures of the bus with taps that are open.', {
    roles: ANSWERING,
  }),
  gauge('meshtap_gateway_live_questions', 'Different questions that are answered every second.', {
    roles: ANSWERING,
  }),
  counter('meshtap_gateway_live_answers_total', 'Answers made to them.', { roles: ANSWERING }),
  counter(
    'meshtap_gateway_live_late_total',
    'Seconds without new answers, because those before took that long.',
    {
      roles: ANSWERING,
    },
  ),
  counter('meshtap_gateway_live_skipped_total', 'Answers that slow clients were not sent.', {
    roles: ANSWERING,
  }),
  gauge(
    'meshtap_gateway_limit',
    'Most at a time, by what: sessions, taps, replays, questions or live-clients.',
    {
      labels: ['what'],
      roles: ANSWERING,
    },
  ),
  counter('meshtap_query_cache_hits_total', 'Decoded blobs found in memory by queries.', {
    roles: ANSWERING,
  }),
  counter('meshtap_query_cache_misses_total', 'Blobs that queries had to decode.', { roles: ANSWERING }),
  counter('meshtap_query_cache_evictions_total', 'Decoded blobs that made room for others.', {
    roles: ANSWERING,
  }),
  gauge('meshtap_query_cache_bytes', 'Bytes of decoded blobs.', { roles: ANSWERING }),
  gauge('meshtap_query_series', 'Keys of series that queries keep.', { roles: ANSWERING }),

  // Who is at an address. Without `--kubernetes` there are none.
  gauge('meshtap_identity_entries', 'Pods and services remembered, those too that are gone.', {
    roles: IDENTIFYING,
  }),
  gauge('meshtap_identity_limit', 'Pods and services remembered at most; 0 where no cluster is watched.', {
    roles: IDENTIFYING,
  }),
  counter('meshtap_identity_forgotten_total', 'Pods and services that are gone and were forgotten.', {
    roles: IDENTIFYING,
  }),
  counter('meshtap_identity_refused_total', 'Pods and services for which there was no room.', {
    roles: IDENTIFYING,
  }),
  gauge(
    'meshtap_identity_cluster_listed',
    'Whether all pods, services and owners of the cluster are known, as far as they were asked for.',
    { unit: 'bool', labels: ['cluster'], roles: IDENTIFYING },
  ),

  // The exporter. Those of partitions are as the store has them, whoever folds them.
  gauge(
    'meshtap_exporter_mesh_up',
    'Whether this scrape has the series of the mesh: 0 where the store fails.',
    {
      unit: 'bool',
      roles: EXPOSING,
    },
  ),
  gauge('meshtap_exporter_series', 'Label sets in this scrape.', { roles: EXPOSING }),
  gauge(
    'meshtap_exporter_series_limited',
    'Label sets that this scrape lacks because it has as many as it may have.',
    { roles: EXPOSING },
  ),
  gauge('meshtap_exporter_series_limit', 'Most label sets of one level in a scrape.', { roles: EXPOSING }),
  counter(
    'meshtap_exporter_scrapes_total',
    'Scrapes before this one: complete, own where the mesh was missing, broken off, or refused.',
    { labels: ['outcome'], roles: EXPOSING },
  ),
  histogram('meshtap_exporter_scrape_duration_seconds', 'Scrapes before this one, to their last byte.', {
    roles: EXPOSING,
  }),
  gauge('meshtap_partition_offset', 'Offset of the next record of the partition to be folded.', {
    labels: ['partition'],
    roles: EXPOSING,
  }),
  gauge(
    'meshtap_partition_watermark_timestamp_seconds',
    'Up to which time the events of the partition are folded.',
    { labels: ['partition'], roles: EXPOSING },
  ),
] as const satisfies readonly OwnFamily[]

export type OwnName = (typeof OWN_FAMILIES)[number]['name']

/** What is of one scrape: written by who answers it. */
export const SCRAPE_NAMES = [
  'meshtap_exporter_mesh_up',
  'meshtap_exporter_series',
  'meshtap_exporter_series_limited',
  'meshtap_partition_offset',
  'meshtap_partition_watermark_timestamp_seconds',
] as const satisfies readonly OwnName[]

const BY_NAME: ReadonlyMap<string, OwnFamily> = new Map(OWN_FAMILIES.map((family) => [family.name, family]))

export function ownFamily(name: OwnName): OwnFamily {
  return BY_NAME.get(name)!
}

/** The families of a role. */
export function familiesOf(role: RoleName): readonly (typeof OWN_FAMILIES)[number][] {
  return OWN_FAMILIES.filter(({ roles }) => (roles as readonly RoleName[]).includes(role))
}
