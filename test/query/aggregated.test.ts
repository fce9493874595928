import t from 'tap'
import { PartitionProcessor } from '../../src/aggregator/partition-processor.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { partitionId } from '../../src/log/event-log.ts'
import { QueryEngine } from '../../src/query/query-engine.ts'
import { parseEdgesRequest, parseStatRequest, parseTopRequest } from '../../src/query/requests.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { DEFAULT_SERIES_LIMITS } from '../../src/rollup/rollup.ts'
import { DEFAULT_TOP_LIMITS } from '../../src/rollup/top-rollup.ts'
import { EmbeddedRollupStore } from '../../src/store/embedded/embedded-rollup-store.ts'
import { columnsOf } from '../rollup/traffic.ts'
import { bothSides, connection } from './events.ts'
import { NOW } from './world.ts'

const SECOND = 1000

/** What web and its clients do in one second: 3 requests, one of them failing, and a word on connections. */
function second(endMs: number): MeshEvent[] {
  const at = { timeMs: endMs - 500, latencyMicros: 2000 }
  return [
    ...bothSides('bot', 'web', at),
    ...bothSides('bot', 'web', { ...at, status: 500 }),
    ...bothSides('emoji', 'web', at),
    connection('bot', 'web', { timeMs: endMs - 400, open: 2, readBytes: 100 }),
  ]
}

t.test(
  'answers follow what an aggregator commits, second by second, whatever closes meanwhile',
  async (t) => {
    let nowMs = NOW - 100 * SECOND
    const now = () => nowMs
    const store = await EmbeddedRollupStore.open({ path: t.testdir(), now })
    t.teardown(() => store.close())
    const processors = await Promise.all(
      [0, 1].map((number) =>
        PartitionProcessor.claim({
          partition: partitionId('mesh.requests', number),
          store,
          now,
          limits: { series: DEFAULT_SERIES_LIMITS, top: DEFAULT_TOP_LIMITS, rules: {} },
          flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
          setAside: async () => {},
        }),
      ),
    )
    const engine = new QueryEngine({ stores: [{ name: 'local', store }], now })
    for (let elapsed = 1; elapsed <= 100; elapsed++) {
      nowMs += SECOND
      // A proxy's reports stay in one partition: inbound ones are web's, outbound ones its clients'.
      const events = second(nowMs)
      for (const [number, processor] of processors.entries()) {
        const own = events.filter(({ direction }) => (direction === 'inbound' ? 0 : 1) === number)
        const value = encodeEventBatch(columnsOf(own))
        const headers = { 'content-type': 'application/x-protobuf; proto=meshtap.v1.EventBatch' }
        const offset = processor.offset
        processor.process([{ offset, timestampMs: nowMs, value, headers }], offset + 1)
        const { kind } = await processor.commit()
        if (kind !== 'committed') t.fail(kind)
      }
      if (elapsed % 7 !== 0 && elapsed !== 100) continue
      for (const window of ['10s', '1m', '20m', '7h']) {
        const { rows, ...answer } = await engine.stat(parseStatRequest({ resource: 'deploy/web', window }))
        const seconds = Math.min(elapsed, answer.window.seconds)
        t.match(
          rows,
          [
            {
              requests: 3 * seconds,
              failures: seconds,
              rps: (3 * seconds) / answer.window.seconds,
              tcpOpen: 2,
              readBytesPerSecond: (100 * seconds) / answer.window.seconds,
              meshed: 1,
            },
          ],
          `${window} after ${elapsed} s`,
        )
        t.equal(answer.watermark, new Date(nowMs).toISOString())
      }
    }
    const { rows } = await engine.edges(parseEdgesRequest({ window: '10m' }))
    t.strictSame(
      rows.map(({ source, destination, requests, tcpOpen }) => [
        source.name,
        destination.name,
        requests,
        tcpOpen,
      ]),
      [
        ['bot', 'web', 200, 2],
        ['emoji', 'web', 100, null],
      ],
    )
    const top = await engine.top(parseTopRequest({ resource: 'deploy/web', window: '10m' }))
    t.strictSame(
      top.rows.map(({ source, count, error, success }) => [source.name, count, error, success]),
      [
        ['bot', 200, 0, 0.5],
        ['emoji', 100, 0, 1],
      ],
    )
  },
)
