import t from 'tap'
import { startDemo } from '../../src/demo/demo.ts'
import type { DemoPodCounts, RunningDemo } from '../../src/demo/demo.ts'
import type { RequestEvent } from '../../src/event/event.ts'
import { CapturingIngest } from '../reporter/capturing-ingest.ts'
import { random } from '../random.ts'

const PODS = {
  emoji: ['emoji-5c8d7f9b64-k7m2p'],
  voting: ['voting-7d9b5c6f88-q4x8z', 'voting-7d9b5c6f88-w9c3n'],
  web: ['web-6f7c9d5b8d-b6t2j', 'web-6f7c9d5b8d-h5r7v'],
  'vote-bot': ['vote-bot-5f6d8c7b9c-t8q2l'],
}

function tally(lines: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const line of lines.toSorted()) counts[line] = (counts[line] ?? 0) + 1
  return counts
}

/** Lines `pod status` of what was served, and `pod authority status` of what was called, by the applications' count. */
function counted(counts: readonly DemoPodCounts[]): { served: string[]; called: string[] } {
  const served: string[] = []
  const called: string[] = []
  for (const { pod, served: statuses, called: authorities } of counts) {
    for (const [status, count] of statuses) served.push(...Array<string>(count).fill(`${pod} ${status}`))
    for (const [authority, answers] of authorities) {
      for (const [status, count] of answers) {
        called.push(...Array<string>(count).fill(`${pod} ${authority} ${status}`))
      }
    }
  }
  return { served, called }
}

function hop({ source, destination, method, path, status, traceId }: RequestEvent): string {
  return [source?.pod, destination.pod, method, path, status, traceId].join(' ')
}

t.test('what is reported is what the applications counted, once from either side', async (t) => {
  await using ingest = await CapturingIngest.start()
  const demo = await startDemo({
    ingestUrl: ingest.url,
    rps: 600,
    random: random(3),
    work: () => Promise.resolve(),
  })
  await ingest.requestsOnce(800)
  await demo.close()

  const { requests } = ingest
  const inbound = requests.filter(({ direction }) => direction === 'inbound')
  const outbound = requests.filter(({ direction }) => direction === 'outbound')
  const { served, called } = counted(demo.counts)
  t.same(tally(inbound.map(({ destination, status }) => `${destination.pod} ${status}`)), tally(served))
  t.same(
    tally(outbound.map(({ source, authority, status }) => `${source!.pod} ${authority} ${status}`)),
    tally(called),
  )
  t.same(tally(inbound.map(hop)), tally(outbound.map(hop)), 'both ends of a request say the same of it')

  t.same(
    new Set(requests.flatMap(({ source, destination }) => [source!.pod, destination.pod])),
    new Set(Object.values(PODS).flat()),
  )
  for (const { source, destination, reset, reason } of requests) {
    t.same(
      [source!.cluster, source!.namespace, source!.kind, reset, reason],
      ['local', 'emojivoto', 'deployment', undefined, undefined],
    )
    t.equal(destination.service, `${destination.name}-svc`)
  }
})

t.test('a vote for the doughnut fails, and no other', async (t) => {
  await using ingest = await CapturingIngest.start()
  const demo = await startDemo({
    ingestUrl: ingest.url,
    rps: 600,
    random: random(4),
    work: () => Promise.resolve(),
  })
  await ingest.requestsOnce(1200)
  await demo.close()
  const votes = ingest.requests.filter(({ path }) => path!.startsWith('/api/vote?'))
  const want = (path: string): number =>
    path.includes('doughnut') ? 500 : path.includes('unicron') ? 404 : 200
  for (const { path, status } of votes) t.equal(status, want(path!), path!)
  t.ok(votes.length > 100 && votes.some(({ status }) => status === 500))
  t.ok(
    ingest.requests.some(({ path }) => /^\/api\/emoji\/\d+$/.test(path!)),
    'paths with ids',
  )
})

t.test('people can take part', async (t) => {
  await using ingest = await CapturingIngest.start()
  await using demo = await startDemo({ ingestUrl: ingest.url, rps: 0.001 })
  const list = await (await fetch(`${demo.webUrl}/api/list`)).json()
  t.match(list, [{ id: 1001, shortcode: ':100:' }])
  t.equal((await fetch(`${demo.webUrl}/nothing`)).status, 404)
  const events = await ingest.requestsOnce(4)
  const outside = events.filter(({ source }) => source?.name === undefined)
  t.same(
    outside.map(({ source, destination, status }) => [source, destination.name, status]),
    [
      [{ ip: '127.0.0.1' }, 'web', 200],
      [{ ip: '127.0.0.1' }, 'web', 404],
    ],
  )
})

t.test('it stops in less than a second, under way or without an ingest', async (t) => {
  const check = async (ingestUrl: string): Promise<void> => {
    const demo: RunningDemo = await startDemo({ ingestUrl, rps: 100 })
    await fetch(`${demo.webUrl}/leaderboard`)
    const startMs = performance.now()
    await Promise.all([demo.close(), demo.close()])
    t.ok(performance.now() - startMs < 1000)
  }
  await using ingest = await CapturingIngest.start()
  await check(ingest.url)
  await check('http://127.0.0.1:9')
})

t.test('a port that is taken is said, and nothing is left running', async (t) => {
  await using ingest = await CapturingIngest.start()
  const port = Number(new URL(ingest.url).port)
  await t.rejects(startDemo({ ingestUrl: ingest.url, webPort: port }), { code: 'PROXY_LISTEN_FAILED' })
})
