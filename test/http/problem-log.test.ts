import { fastify } from 'fastify'
import t from 'tap'
import { HttpProblem } from '../../src/http/problem.ts'
import { ProblemLog } from '../../src/http/problem-log.ts'

t.test('a code is logged at most every 10 s, with the number left out since', async (t) => {
  let now = 1_000_000
  const lines: unknown[] = []
  const logger = fastify().log
  logger.warn = (line: unknown) => lines.push(line)
  const log = new ProblemLog(() => now)
  const report = (code: string): void => log.report(new HttpProblem(503, code, 'no'), logger, '/x')
  report('A')
  report('A')
  report('B')
  now += 9_999
  report('A')
  now += 1
  report('A')
  report('A')
  t.match(lines, [
    { code: 'A', url: '/x', suppressed: 0 },
    { code: 'B', suppressed: 0 },
    { code: 'A', suppressed: 2 },
  ])
  t.equal(lines.length, 3)
})

t.test('what nobody foresaw is an error with its stack, the rest a warning', async (t) => {
  const lines: object[] = []
  const logger = fastify().log
  logger.warn = (line: object) => lines.push({ level: 'warn', ...line })
  logger.error = (line: object) => lines.push({ level: 'error', ...line })
  const log = new ProblemLog(Date.now)
  const cause = new Error('why')
  log.report(new HttpProblem(500, 'INTERNAL', 'no', {}, { cause }), logger, '/x')
  log.report(new HttpProblem(503, 'STORE_UNAVAILABLE', 'no', {}, { cause }), logger, '/x')
  t.strictSame(lines, [
    { level: 'error', code: 'INTERNAL', url: '/x', suppressed: 0, err: cause },
    { level: 'warn', code: 'STORE_UNAVAILABLE', url: '/x', suppressed: 0 },
  ])
})

t.test('nothing of a query is logged, where secrets may be', async (t) => {
  const lines: string[] = []
  const logger = fastify().log
  logger.warn = logger.error = (line: unknown) => lines.push(JSON.stringify(line))
  const log = new ProblemLog(Date.now)
  for (const status of [500, 503])
    log.report(new HttpProblem(status, `S${status}`, 'no'), logger, '/api/v1/tap?ticket=abc.def&token=ghi')
  t.equal(lines.length, 2)
  for (const line of lines) {
    t.match(line, '"url":"/api/v1/tap"')
    t.notMatch(line, /abc|def\b|ghi/)
  }
})
