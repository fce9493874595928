/** Queries of dashboards that have no result in the test, by `dashboard / panel / legend`, and why that is right. */
export const EMPTY: Readonly<Record<string, string>> = {
  'meshtap-top-line / Alerts / {{alertname}} {{cluster}} {{namespace}} {{workload}} {{partition}}':
    'no alert fires: all must hold for minutes',
  ...Object.fromEntries(
    [
      'Dead letters, 1 h / ',
      'Lost and set aside / dead letter: {{reason}}',
      'Failed calls of the store and the log / store {{operation}} {{code}}',
      'Failed calls of the store and the log / append {{code}}',
      'What went wrong and was tried again / {{kind}}',
    ].map((name) => [
      `meshtap-health / ${name}`,
      'nothing went wrong: counted by kind, it has no series until it does',
    ]),
  ),
}

/** The same where Prometheus scrapes classic buckets, and where it scrapes native histograms. */
export const CLASSIC_ONLY = /Latencies, by classic buckets/
export const NATIVE_ONLY = /Latencies, by native histograms/
