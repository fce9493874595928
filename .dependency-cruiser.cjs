/**
 * The arrows between the folders of src/: what each may import besides itself. A folder that is not listed may
 * import nothing. Checked by `npm run check`.
 */
const arrows = {
  config: ['event', 'rollup', 'redis'],
  event: [],
  rollup: ['event'],
  http: ['access'],
  log: [],
  redis: [],
  store: ['log', 'redis'],
  tap: ['event', 'rollup', 'redis'],
  replay: ['event', 'rollup', 'log', 'tap', 'aggregator'],
  access: ['document', 'rollup', 'tap'],
  document: [],
  identity: ['document', 'event'],
  mapping: ['document', 'event'],
  aggregator: ['event', 'rollup', 'log', 'store'],
  function: ['event', 'rollup', 'log', 'store', 'aggregator'],
  ingest: ['access', 'event', 'http', 'log'],
  query: ['event', 'rollup', 'log', 'store'],
  gateway: ['access', 'event', 'http', 'tap', 'store', 'query'],
  exporter: ['event', 'rollup', 'log', 'store', 'query', 'http', 'telemetry'],
  telemetry: ['log', 'store'],
  reporter: ['event'],
  proxy: ['event', 'rollup', 'reporter'],
  demo: ['event', 'proxy', 'reporter'],
  cli: ['config', 'event', 'mapping', 'rollup', 'query', 'reporter', 'app', 'proxy', 'demo'],
  app: ['*'],
}

const adapters = '(embedded|kubernetes|local|redis|kafka|otlp)'

module.exports = {
  forbidden: [
    ...Object.entries(arrows)
      .filter(([, allowed]) => !allowed.includes('*'))
      .map(([folder, allowed]) => ({
        name: `${folder}-imports-only-${allowed.join('-') || 'itself'}`,
        severity: 'error',
        from: { path: `^src/${folder}/` },
        to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
      })),
    {
      name: 'only-composition-roots-see-adapters',
      comment: 'which adapter runs is decided in src/app and known nowhere else',
      severity: 'error',
      from: { pathNot: `^src/(app|[a-z]+/${adapters})/` },
      to: { path: `^src/[a-z]+/${adapters}/` },
    },
    {
      name: 'event-and-rollup-are-pure',
      comment: 'no clock, no randomness, nothing of Node: both are arguments',
      severity: 'error',
      from: { path: '^src/(event|rollup)/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-development-dependency-at-run-time',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
}
