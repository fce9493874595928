import fc from 'fast-check'
import t from 'tap'
import { painter } from '../../../src/cli/printers/paint.ts'
import { displayWidth } from '../../../src/cli/printers/display-width.ts'
import { topJson, topTable } from '../../../src/cli/printers/top-printer.ts'
import { parseKeys } from '../../../src/cli/top/keys.ts'
import { renderTop } from '../../../src/cli/top/render-top.ts'
import {
  initialTopState,
  linesOf,
  reduceTop,
  type TopInput,
  type TopState,
} from '../../../src/cli/top/top-state.ts'
import type { TopAnswer, TopRow } from '../../../src/query/answer.ts'
import { BASE, NOT_IN_WINDOW, topRow, workload } from '../answers.ts'
import { golden } from '../golden.ts'

const PLAIN = painter(false)

const ROWS: readonly TopRow[] = [
  topRow('vote-bot', '/api/list', 325, { bestMs: 0.413, worstMs: 17.2, lastMs: 2.4 }),
  topRow('vote-bot', '/api/vote?choice=:doughnut:', 60, {
    success: 0.5,
    bestMs: 0.2,
    worstMs: 2100,
    lastMs: 65_000,
  }),
  topRow('web', '/api/list', 60, { error: 12, bestMs: 0.1, worstMs: 3, lastMs: 1, method: 'POST' }),
  topRow('browser', '/leaderboard', 7, {
    success: 0.857,
    source: workload('browser', { namespace: 'edge' }),
  }),
]

function answer(rows: readonly TopRow[] = ROWS, more: Partial<TopAnswer> = {}): TopAnswer {
  return { ...BASE, rows, by: 'path', total: 1452, ...more }
}

function stateOf(more: Partial<TopState> = {}): TopState {
  const initial = initialTopState({
    title: 'meshtap top deploy/web in emojivoto',
    namespace: 'emojivoto',
    by: 'path',
    hideSources: false,
    width: 120,
    height: 12,
  })
  return { ...initial, ...more }
}

function after(state: TopState, ...inputs: (TopInput | string)[]): TopState {
  const all = inputs.flatMap((input): TopInput[] =>
    typeof input === 'string' ? parseKeys(input).map((key) => ({ kind: 'key', key })) : [input],
  )
  return all.reduce(reduceTop, state)
}

function answered(rows?: readonly TopRow[], more?: Partial<TopAnswer>): TopInput {
  return { kind: 'answer', answer: answer(rows, more), notes: [] }
}

const screen = (state: TopState): string => `${renderTop(state, PLAIN).join('\n')}\n`
const counts = (state: TopState): number[] => linesOf(state).map(({ count }) => count)
const START = after(stateOf(), answered())

t.test('the screen is as stored', async (t) => {
  const check = (name: string, state: TopState) => {
    const text = screen(state)
    t.equal(text, golden(`top-${name}`, text), name)
  }
  check('waiting', stateOf())
  check('start', START)
  check('narrow', after(START, { kind: 'resize', width: 72, height: 10 }))
  check('shifted', after(START, { kind: 'resize', width: 72, height: 10 }, '\u001b[C\u001b[C'))
  check('sorted-by-worst', after(START, 'w'))
  check('hidden-sources', after(START, 'h'))
  check('typing-a-filter', after(START, '/list'))
  check('filtered', after(START, '/vote\r'))
  check('no-match', after(START, '/nope\r'))
  check('paused', after(START, 'p', answered([])))
  check('empty', after(stateOf(), answered([], { empty: NOT_IN_WINDOW })))
  check(
    'failure',
    after(START, { kind: 'failure', message: 'cannot reach the gateway at http://x: ECONNREFUSED' }),
  )
  const quantiles = { p50: 1.2, p95: 17, p99: 2100 }
  const routes = ROWS.map((row) => ({
    ...row,
    bestMs: null,
    worstMs: null,
    lastMs: null,
    latencyMs: quantiles,
  }))
  check('by-route', after(stateOf({ by: 'route' }), answered(routes, { by: 'route' }), '9'))
  check('hostile', after(stateOf(), answered([topRow('\u001b]0;x\u0007', '/\u001b[2J\u009b31m日本\n', 1)])))
})

t.test('rows are sorted by the column that is typed, the other way when typed again', async (t) => {
  t.strictSame(counts(START), [325, 60, 60, 7])
  t.strictSame(counts(after(START, 'c')), [7, 60, 60, 325])
  t.strictSame(counts(after(START, 'cc')), [325, 60, 60, 7])
  const by = (keys: string) => linesOf(after(START, keys)).map(({ path, source }) => `${source} ${path}`)
  t.strictSame(by('s')[0], 'vote-bot /api/vote?choice=:doughnut:', 'the least successful first')
  t.strictSame(by('ss').at(-1), 'vote-bot /api/vote?choice=:doughnut:')
  t.strictSame(by('w')[0], 'vote-bot /api/vote?choice=:doughnut:')
  t.strictSame(by('l')[0], 'vote-bot /api/vote?choice=:doughnut:')
  t.strictSame(by('b')[0], 'vote-bot /api/list')
  t.strictSame(counts(after(START, 'r')), [325, 60, 60, 7])
  t.equal(after(START, '<').sort, 'Path')
  t.equal(after(START, '<<<<<<<<').sort, 'Source')
  t.equal(after(START, '>').sort, 'Best')
  t.equal(after(START, '>>>>>>>>>').sort, 'RPS')
  t.strictSame(
    linesOf(after(START, '<')).map(({ path }) => path),
    ['/api/list', '/api/list', '/api/vote?choice=:doughnut:', '/leaderboard'],
  )
})

t.test('values that are not known come last, whichever way', async (t) => {
  const rows = [
    topRow('a', '/1', 9, { lastMs: null }),
    topRow('a', '/2', 5, { lastMs: 3 }),
    topRow('a', '/3', 7, { lastMs: 8 }),
  ]
  const state = after(stateOf(), answered(rows))
  t.strictSame(counts(after(state, 'l')), [7, 5, 9])
  t.strictSame(counts(after(state, 'll')), [5, 7, 9])
})

t.test('the first line says what an answer is narrowed to', async (t) => {
  const [title] = screen(
    after(stateOf({ width: 200 }), answered(ROWS, { narrowedTo: ['*/shop', 'east/pay-\u001b*'] })),
  ).split('\n')
  t.match(title, / {3}shows only namespaces shop, east\/pay-\\x1b\*, as granted$/)
  t.notMatch(screen(START), 'shows only')
})

t.test('a filter narrows while it is typed, and is kept or given up', async (t) => {
  const typing = after(START, '/LEADER')
  t.strictSame(counts(typing), [7])
  t.equal(typing.filter, '')
  t.equal(after(typing, '\r').filter, 'LEADER')
  t.equal(after(typing, '\u001b').filter, '')
  t.strictSame(counts(after(typing, '\u001b')), [325, 60, 60, 7])
  t.strictSame(counts(after(typing, '\r', '\u001b')), [325, 60, 60, 7])
  t.strictSame(counts(after(typing, '\u007f'.repeat(20))), [325, 60, 60, 7])
  t.equal(after(typing, '\r', '/').typed, 'LEADER', 'typing goes on where it ended')
  t.equal(after(typing, 'q').isDone, false, 'a letter is a letter')
  t.equal(after(START, '/🍩\u007f').typed, '')
  t.equal(after(START, `/${'x'.repeat(500)}`).typed!.length, 200)
})

t.test('q and Ctrl-C end it', async (t) => {
  t.equal(START.isDone, false)
  t.equal(after(START, 'q').isDone, true)
  t.equal(after(START, '\u0003').isDone, true)
  t.equal(after(START, '/\u0003').isDone, true)
})

t.test('paused, answers do not change what is shown', async (t) => {
  const paused = after(START, 'p')
  t.strictSame(counts(after(paused, answered([]))), [325, 60, 60, 7])
  t.strictSame(counts(after(paused, 'p', answered([]))), [])
  t.equal(after(START, ' ').isPaused, true)
})

t.test('scrolling ends with the rows, also when they become fewer', async (t) => {
  const rows = Array.from({ length: 50 }, (_, i) => topRow('a', `/${i}`, 100 - i))
  const state = after(stateOf({ height: 14 }), answered(rows))
  const check = (keys: string, want: number) => t.equal(after(state, keys).scroll, want, JSON.stringify(keys))
  check('\u001b[A', 0)
  check('\u001b[B', 1)
  check('\u001b[6~', 10)
  check('\u001b[6~\u001b[5~\u001b[5~', 0)
  check('\u001b[F', 40)
  check('\u001b[F\u001b[B', 40)
  check('\u001b[F\u001b[H', 0)
  const end = after(state, '\u001b[F')
  t.equal(after(end, answered(rows.slice(0, 15))).scroll, 5)
  t.equal(after(end, answered([])).scroll, 0)
  t.equal(after(end, { kind: 'resize', width: 80, height: 100 }).scroll, 0)
  t.equal(after(end, 's').scroll, 0, 'another order begins at its head')
  t.equal(after(START, '\u001b[D').shift, 0)
  t.equal(after(START, '\u001b[C'.repeat(50)).shift, 9)
})

t.test('sources that are hidden are summed over, and what the sum cannot know is unknown', async (t) => {
  const hidden = linesOf(after(START, 'h'))
  t.strictSame(
    hidden.map(({ method, path, count, error, success }) => [method, path, count, error, success]),
    [
      ['GET', '/api/list', 325, 0, 1],
      ['GET', '/api/vote?choice=:doughnut:', 60, 0, 0.5],
      ['POST', '/api/list', 60, 12, 1],
      ['GET', '/leaderboard', 7, 0, 0.857],
    ],
  )
  const two = [
    topRow('a', '/x', 30, { success: 1, bestMs: 2 }),
    topRow('b', '/x', 10, { success: 0.5, bestMs: 1, error: 3 }),
  ]
  t.match(linesOf(after(stateOf({ hideSources: true }), answered(two))), [
    { source: '', count: 40, error: 3, success: 0.875, bestMs: 1, worstMs: 17.2, lastMs: null },
  ])
  t.equal(after(START, '<<<<', 'h').sort, 'Count', 'what is hidden is not sorted by')
})

t.test('names are as short as they can be told apart', async (t) => {
  const names = (...rows: TopRow[]) => linesOf(after(stateOf(), answered(rows))).map(({ source }) => source)
  t.strictSame(names(topRow('a', '/', 1)), ['a'])
  t.strictSame(names(topRow('a', '/', 1, { source: workload('a', { namespace: 'shop' }) })), ['shop/a'])
  t.strictSame(names(topRow('a', '/', 1, { source: workload('a', { kind: 'statefulset' }) })), ['sts/a'])
  t.strictSame(names(topRow('a', '/', 1, { source: workload('a', { cluster: 'west' }) })), ['west/a'])
  t.strictSame(names(topRow('', '/', 1)), ['-'])
})

t.test('printed once, it has the same columns', async (t) => {
  const view = { by: 'path', hideSources: false, namespace: 'emojivoto' } as const
  const table = topTable(ROWS, view)
  t.equal(table, golden('top-once', table))
  const json = `${JSON.stringify(topJson(ROWS.slice(0, 1), view), null, 2)}\n${JSON.stringify(topJson(ROWS.slice(0, 1), { ...view, by: 'route', hideSources: true }), null, 2)}\n`
  t.equal(json, golden('top-json', json))
})

t.test('whatever is typed and answered, the screen fits the terminal', async () => {
  const key = fc.constantFrom(
    ...Array.from('crbwlsph<>/qx \r\u001b'),
    '\u001b[A',
    '\u001b[B',
    '\u001b[C',
    '\u001b[D',
    '\u001b[6~',
    '\u001b[F',
    '\u007f',
  )
  const row = fc
    .record({ source: fc.string(), path: fc.string(), count: fc.nat(), error: fc.nat(9) })
    .map(({ source, path, count, error }) => topRow(source, path, count, { error }))
  const input = fc.oneof<fc.Arbitrary<TopInput | string>[]>(
    key,
    fc.array(row, { maxLength: 30 }).map((rows) => answered(rows)),
    fc.record({
      kind: fc.constant('resize' as const),
      width: fc.integer({ min: 1, max: 200 }),
      height: fc.integer({ min: 1, max: 60 }),
    }),
  )
  fc.assert(
    fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
      const state = after(stateOf(), ...inputs)
      const lines = renderTop(state, PLAIN)
      return lines.length === state.height && lines.every((line) => displayWidth(line) <= state.width)
    }),
    { seed: 42, numRuns: 300 },
  )
})
