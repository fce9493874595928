import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { Dictionary } from '../../src/event/dictionary.ts'
import type { RequestEvent } from '../../src/event/event.ts'
import type { EventColumns } from '../../src/event/event-columns.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import type { TapRegistration } from '../../src/tap/tap-bus.ts'
import type { CandidateLimits } from '../../src/tap/flow-candidates.ts'
import { TapMatcher, type TapMatcherOptions } from '../../src/tap/tap-matcher.ts'
import { DEFAULT_CLUSTER, wants } from './oracle.ts'
import { tapQueries } from './tap-queries.ts'
import { columnsOf, request, tapTraffic } from './tap-traffic.ts'

const options: TapMatcherOptions = {
  flows: { routes: new RouteTemplates(), defaultCluster: DEFAULT_CLUSTER },
}

function tap(id: string, params: Readonly<Record<string, string>>): TapRegistration {
  return { id, query: parseTapQuery(params) }
}

function matchesOf(matcher: TapMatcher, columns: EventColumns): string[] {
  const found: string[] = []
  matcher.match(columns, (tap, event) => found.push(`${tap}:${event}`))
  return found.sort()
}

function wanted(taps: readonly TapRegistration[], events: readonly RequestEvent[]): string[] {
  return taps
    .flatMap(({ query }, tap) => events.flatMap((event, i) => (wants(query, event) ? [`${tap}:${i}`] : [])))
    .sort()
}

const registrations = fc
  .array(tapQueries, { minLength: 1, maxLength: 12 })
  .map((queries) => queries.map((query, i): TapRegistration => ({ id: `tap-${i}`, query })))

const batches = fc.array(fc.array(tapTraffic, { maxLength: 30 }), { minLength: 1, maxLength: 4 })

t.test('every batch is matched as its events one by one would be', async (t) => {
  let matches = 0
  fc.assert(
    fc.property(registrations, batches, (taps, batches) => {
      const matcher = new TapMatcher(options)
      matcher.setTaps(taps)
      const dictionary = new Dictionary()
      for (const events of batches) {
        const want = wanted(taps, events)
        matches += want.length
        assert.deepEqual(matchesOf(matcher, columnsOf(events, dictionary)), want)
      }
    }),
    { numRuns: 400, seed: 7 },
  )
  t.ok(matches > 1000, `${matches} matches`)
})

t.test('what is remembered is of one dictionary, one set of taps', async (t) => {
  fc.assert(
    fc.property(registrations, registrations, batches, (first, second, batches) => {
      const matcher = new TapMatcher(options)
      const dictionaries = [new Dictionary(), new Dictionary()]
      for (const taps of [first, second, first]) {
        matcher.setTaps(taps)
        batches.forEach((events, i) => {
          assert.deepEqual(matchesOf(matcher, columnsOf(events, dictionaries[i % 2])), wanted(taps, events))
        })
      }
    }),
    { numRuns: 100 },
  )
  t.pass()
})

t.test('what is remembered is forgotten where there is too much of it, and matching goes on', async (t) => {
  let resets = 0
  const check = (limits: CandidateLimits) =>
    fc.assert(
      fc.property(registrations, batches, (taps, batches) => {
        const matcher = new TapMatcher({ ...options, limits })
        matcher.setTaps(taps)
        const dictionary = new Dictionary()
        for (const events of [...batches, ...batches]) {
          assert.deepEqual(matchesOf(matcher, columnsOf(events, dictionary)), wanted(taps, events))
        }
        resets += matcher.resets
      }),
      { numRuns: 100 },
    )
  check({ lists: 4, taps: 1000, cells: 10_000 })
  t.ok(resets > 20, `${resets} times for lists`)
  resets = 0
  check({ lists: 1000, taps: 12, cells: 10_000 })
  t.ok(resets > 20, `${resets} times for taps`)
  resets = 0
  check({ lists: 1000, taps: 1000, cells: 60 })
  t.ok(resets > 20, `${resets} times for cells`)
})

t.test('one condition after the other', async (t) => {
  const event = request({
    source: { namespace: 'bots', kind: 'deployment', name: 'vote-bot', pod: 'vote-bot-1' },
    authority: 'web-svc.emojivoto:80',
    path: '/api/vote?choice=:doughnut:',
    status: 503,
    requestHeaders: [{ name: 'X-User', value: '7' }],
  })
  const check = (params: Readonly<Record<string, string>>, isWanted: boolean) => {
    const matcher = new TapMatcher(options)
    matcher.setTaps([tap('tap', params)])
    t.equal(matchesOf(matcher, columnsOf([event])).length === 1, isWanted, JSON.stringify(params))
  }
  check({}, true)
  check({ resource: 'deploy/web' }, true)
  check({ resource: 'sts/web' }, false)
  check({ resource: 'deploy/vote-bot' }, false)
  check({ resource: 'ns/emojivoto' }, true)
  check({ resource: 'ns/bots' }, false)
  check({ resource: 'pod/web-1' }, true)
  check({ resource: 'deploy/web', direction: 'out' }, false)
  check({ resource: 'deploy/web', from: 'deploy/vote-bot' }, true)
  check({ resource: 'deploy/web', from: 'deploy/vote-bot', from_namespace: 'emojivoto' }, false)
  check({ resource: 'deploy/vote-bot', to: 'deploy/web' }, false)
  check({ resource: 'au/web-svc.emojivoto:80' }, true)
  check({ resource: 'route//api/vote' }, true)
  check({ method: 'get' }, true)
  check({ authority: 'WEB-svc.*' }, true)
  check({ authority: 'web-svc' }, false)
  check({ path: '/api/vote' }, true)
  check({ path: '*doughnut*' }, false)
  check({ status: '5xx' }, true)
  check({ status: 'success' }, false)
  check({ min_latency: '1ms' }, true)
  check({ min_latency: '1001us' }, false)
  check({ header: 'x-user' }, true)
  check({ header: 'x-user:8' }, false)
})

t.test('a classification goes by the rules configured', async (t) => {
  const matcher = new TapMatcher({ ...options, rules: { http: { 404: 'failure' } } })
  matcher.setTaps([tap('tap', { status: 'failure' })])
  t.same(matchesOf(matcher, columnsOf([request(), request({ status: 404 })])), ['0:1'])
})

t.test('routes are those that routes are told apart by', async (t) => {
  const routes = new RouteTemplates(['/api/{what}'])
  const matcher = new TapMatcher({ flows: { ...options.flows, routes } })
  matcher.setTaps([tap('tap', { resource: 'route//api/{what}' })])
  t.same(matchesOf(matcher, columnsOf([request(), request({ path: '/other' })])), ['0:0'])
})

t.test('what was seen counts on, with or without taps', async (t) => {
  const matcher = new TapMatcher(options)
  matchesOf(matcher, columnsOf([request(), request()]))
  matcher.setTaps([tap('tap', { resource: 'deploy/none' })])
  matchesOf(matcher, columnsOf([request()]))
  t.equal(matcher.seen, 3)
})

t.test('a path longer than is kept, and a long header, are matched by what is kept of them', async (t) => {
  const matcher = new TapMatcher(options)
  matcher.setTaps([tap('tap', { path: `/${'x'.repeat(1000)}`, header: `x-a:${'y'.repeat(1000)}` })])
  const requestHeaders = [{ name: 'x-a', value: 'y'.repeat(1000) }]
  t.same(matchesOf(matcher, columnsOf([request({ path: `/${'x'.repeat(5000)}`, requestHeaders })])), ['0:0'])
})
