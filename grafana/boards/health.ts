import { own, ownMax, ownQuantile, ownRate, ownSum } from '../../deploy/prometheus/own.ts'
import { dashboard } from '../dashboard.ts'
import { type AnyPanel, figure, graph, type Line, states, TROUBLE_STEPS } from '../panels.ts'
import { WINDOW } from '../sections.ts'
import { UNITS } from '../units.ts'

/** Lines of a query for p50 and p99. */
function quantiles(of: (quantile: number) => string, legend: string): Line[] {
  return [0.5, 0.99].map((quantile) => ({
    expr: of(quantile),
    legend: `p${quantile * 100} ${legend}`.trim(),
  }))
}

const stops: AnyPanel[] = [
  figure({
    title: 'Processes',
    description: 'That answer when they are scraped.',
    unit: UNITS.count,
    expr: `count(${own('meshtap_build_info')})`,
    noValue: '0',
  }),
  figure({
    title: 'Events folded',
    unit: UNITS.events,
    expr: ownRate('meshtap_aggregator_events_total', [], WINDOW),
    noValue: '–',
  }),
  figure({
    title: 'Lag',
    description: 'Records of the log that are not folded yet.',
    unit: UNITS.count,
    expr: ownSum('meshtap_aggregator_lag_records', []),
    noValue: '–',
  }),
  figure({
    title: 'Behind the clock',
    description: 'The partition that is furthest behind. One that nothing comes to stands still.',
    unit: UNITS.seconds,
    expr: ownMax('meshtap_aggregator_watermark_delay_seconds', []),
    noValue: '–',
  }),
  figure({
    title: 'Dead letters, 1 h',
    unit: UNITS.count,
    expr: `sum(increase(${own('meshtap_aggregator_dead_letters_total')}[1h]))`,
    steps: TROUBLE_STEPS,
    noValue: '0',
  }),
  figure({
    title: 'Refused commits, 1 h',
    unit: UNITS.count,
    expr: `sum(increase(${own('meshtap_aggregator_refused_commits_total')}[1h]))`,
    steps: TROUBLE_STEPS,
    noValue: '0',
  }),
  figure({
    title: 'Clients of streams',
    unit: UNITS.count,
    expr: ownSum('meshtap_gateway_clients', []),
    noValue: '0',
  }),
  figure({
    title: 'Label sets left out',
    description: 'Of /metrics, because there are more than a scrape may have.',
    unit: UNITS.count,
    expr: ownMax('meshtap_exporter_series_limited', []),
    steps: TROUBLE_STEPS,
    noValue: '–',
  }),
]

const ports: AnyPanel[] = [
  states({
    title: 'Log and store are there',
    description: 'As each process knows.',
    unit: UNITS.count,
    width: 24,
    expr: `label_replace(${ownMax('meshtap_log_connected', ['instance'])}, "port", "log", "", "") or label_replace(${ownMax('meshtap_store_connected', ['instance'])}, "port", "store", "", "")`,
    legend: '{{instance}} {{port}}',
    steps: [
      { value: null, color: 'red' },
      { value: 1, color: 'green' },
    ],
  }),
]

const events: AnyPanel[] = [
  graph({
    title: 'Events taken and folded',
    unit: UNITS.events,
    lines: [
      { expr: ownRate('meshtap_ingest_events_total', [], WINDOW), legend: 'taken by ingest' },
      {
        expr: ownRate('meshtap_aggregator_events_total', ['event'], WINDOW),
        legend: 'folded: {{event}}',
      },
    ],
  }),
  graph({
    title: 'Bytes of events',
    unit: UNITS.byteRate,
    lines: [
      { expr: ownRate('meshtap_ingest_wire_bytes_total', [], WINDOW), legend: 'taken, as sent' },
      { expr: ownRate('meshtap_ingest_body_bytes_total', [], WINDOW), legend: 'taken, inflated' },
      { expr: ownRate('meshtap_log_appended_bytes_total', [], WINDOW), legend: 'appended' },
    ],
  }),
  graph({
    title: 'Bodies',
    unit: UNITS.requests,
    lines: [
      {
        expr: ownRate('meshtap_ingest_requests_total', ['format', 'code'], WINDOW),
        legend: '{{format}} {{code}}',
      },
    ],
  }),
  graph({
    title: 'Appends',
    unit: UNITS.seconds,
    lines: quantiles((q) => ownQuantile(q, 'meshtap_log_append_duration_seconds', [], WINDOW), ''),
  }),
  graph({
    title: 'Events out of the ordinary',
    unit: UNITS.events,
    lines: [
      { expr: ownRate('meshtap_aggregator_late_events_total', [], WINDOW), legend: 'late' },
      { expr: ownRate('meshtap_aggregator_future_events_total', [], WINDOW), legend: 'future' },
      { expr: ownRate('meshtap_aggregator_expired_events_total', [], WINDOW), legend: 'expired' },
      {
        expr: ownRate('meshtap_aggregator_duplicate_records_total', [], WINDOW),
        legend: 'duplicates (records)',
      },
      {
        expr: ownRate('meshtap_aggregator_overflowed_series_total', [], WINDOW),
        legend: 'in __overflow__ (series)',
      },
    ],
  }),
  graph({
    title: 'Lost and set aside',
    description: 'Records. Of dead letters, the reason.',
    unit: UNITS.changes,
    lines: [
      {
        expr: ownRate('meshtap_aggregator_dead_letters_total', ['reason'], WINDOW),
        legend: 'dead letter: {{reason}}',
      },
      {
        expr: ownRate('meshtap_aggregator_missing_records_total', [], WINDOW),
        legend: 'deleted before they were read',
      },
    ],
  }),
]

const folding: AnyPanel[] = [
  graph({
    title: 'Lag by partition',
    unit: UNITS.count,
    lines: [{ expr: ownSum('meshtap_aggregator_lag_records', ['partition']), legend: '{{partition}}' }],
  }),
  graph({
    title: 'Behind the clock by partition',
    unit: UNITS.seconds,
    lines: [
      {
        expr: ownMax('meshtap_aggregator_watermark_delay_seconds', ['partition']),
        legend: '{{partition}}',
      },
    ],
  }),
  graph({
    title: 'Partitions by worker',
    unit: UNITS.count,
    lines: [
      {
        expr: ownSum('meshtap_aggregator_partitions', ['instance', 'state']),
        legend: '{{instance}} {{state}}',
      },
    ],
  }),
  graph({
    title: 'Commits take',
    unit: UNITS.seconds,
    lines: quantiles((q) => ownQuantile(q, 'meshtap_aggregator_commit_duration_seconds', [], WINDOW), ''),
  }),
  graph({
    title: 'Commits',
    unit: UNITS.changes,
    lines: [
      { expr: ownRate('meshtap_aggregator_commits_total', [], WINDOW), legend: 'made' },
      {
        expr: ownRate('meshtap_aggregator_refused_commits_total', ['reason'], WINDOW),
        legend: 'refused: {{reason}}',
      },
      { expr: ownRate('meshtap_aggregator_failures_total', ['port'], WINDOW), legend: 'failed: {{port}}' },
      { expr: ownRate('meshtap_aggregator_claims_total', [], WINDOW), legend: 'claims' },
    ],
  }),
  graph({
    title: 'Series in the totals',
    unit: UNITS.count,
    lines: [{ expr: ownSum('meshtap_aggregator_series', ['partition']), legend: '{{partition}}' }],
  }),
]

const store: AnyPanel[] = [
  graph({
    title: 'Calls of the store take (p99)',
    unit: UNITS.seconds,
    lines: [
      {
        expr: ownQuantile(0.99, 'meshtap_store_request_duration_seconds', ['operation'], WINDOW),
        legend: '{{operation}}',
      },
    ],
  }),
  graph({
    title: 'Failed calls of the store and the log',
    unit: UNITS.changes,
    lines: [
      {
        expr: ownRate('meshtap_store_errors_total', ['operation', 'code'], WINDOW),
        legend: 'store {{operation}} {{code}}',
      },
      { expr: ownRate('meshtap_log_append_errors_total', ['code'], WINDOW), legend: 'append {{code}}' },
    ],
  }),
  graph({
    title: 'Written by commits',
    unit: UNITS.byteRate,
    lines: [{ expr: ownRate('meshtap_store_written_bytes_total', [], WINDOW), legend: 'written' }],
  }),
]

const answering: AnyPanel[] = [
  graph({
    title: 'Queries take (p99)',
    unit: UNITS.seconds,
    lines: [
      {
        expr: ownQuantile(0.99, 'meshtap_gateway_query_duration_seconds', ['route'], WINDOW),
        legend: '{{route}}',
      },
    ],
  }),
  graph({
    title: 'Clients by stream',
    unit: UNITS.count,
    lines: [
      {
        expr: ownSum('meshtap_gateway_clients', ['stream', 'transport']),
        legend: '{{stream}} by {{transport}}',
      },
    ],
  }),
  graph({
    title: 'Taps',
    unit: UNITS.count,
    lines: [
      { expr: ownSum('meshtap_gateway_taps', []), legend: 'different queries' },
      { expr: ownSum('meshtap_gateway_replays', []), legend: 'replays' },
      { expr: ownSum('meshtap_gateway_live_questions', []), legend: 'live questions' },
    ],
  }),
  graph({
    title: 'Events to clients of taps',
    unit: UNITS.events,
    lines: [
      { expr: ownRate('meshtap_gateway_sent_events_total', [], WINDOW), legend: 'sent' },
      {
        expr: ownRate('meshtap_gateway_dropped_events_total', ['reason'], WINDOW),
        legend: 'dropped: {{reason}}',
      },
    ],
  }),
  graph({
    title: 'Requests of HTTP',
    unit: UNITS.requests,
    lines: [
      {
        expr: ownRate('meshtap_http_requests_total', ['server', 'code'], WINDOW),
        legend: '{{server}} {{code}}',
      },
    ],
  }),
  graph({
    title: 'Refused or failed',
    unit: UNITS.requests,
    lines: [
      {
        expr: ownRate('meshtap_http_problems_total', ['server', 'reason'], WINDOW),
        legend: '{{server}} {{reason}}',
      },
    ],
  }),
]

const processes: AnyPanel[] = [
  graph({
    title: 'Event loop late by (p99)',
    unit: UNITS.seconds,
    lines: [
      {
        expr: ownMax('meshtap_event_loop_delay_seconds', ['instance'], 'percentile="99"'),
        legend: '{{instance}}',
      },
    ],
  }),
  graph({
    title: 'What went wrong and was tried again',
    unit: UNITS.changes,
    lines: [{ expr: ownRate('meshtap_troubles_total', ['kind'], WINDOW), legend: '{{kind}}' }],
  }),
  graph({
    title: 'Scrapes of the mesh',
    unit: UNITS.seconds,
    lines: quantiles((q) => ownQuantile(q, 'meshtap_exporter_scrape_duration_seconds', [], WINDOW), ''),
  }),
  graph({
    title: 'Label sets in a scrape',
    unit: UNITS.count,
    width: 12,
    lines: [
      { expr: ownSum('meshtap_exporter_series', ['instance']), legend: '{{instance}}' },
      { expr: ownMax('meshtap_exporter_series_limit', []), legend: 'limit of a level' },
    ],
  }),
  graph({
    title: 'Scrapes by outcome',
    unit: UNITS.changes,
    width: 12,
    lines: [{ expr: ownRate('meshtap_exporter_scrapes_total', ['outcome'], WINDOW), legend: '{{outcome}}' }],
  }),
]

export const healthBoard = dashboard({
  uid: 'health',
  title: 'Health of meshtap',
  description: "meshtap's own metrics: how events come in, are folded, stored and asked for.",
  variables: [],
  sections: [
    { panels: stops },
    { panels: ports },
    { title: 'Events', panels: events },
    { title: 'Folding', panels: folding },
    { title: 'Log and store', panels: store },
    { title: 'Answers', panels: answering },
    { title: 'Processes', panels: processes },
  ],
})
