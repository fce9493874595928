import { fastify } from 'fastify'
import t from 'tap'
import { HttpProblem } from '../../src/http/problem.ts'
import { ProblemLog } from '../../src/http/problem-log.ts'

t.test('a code is logged at most every 10 s, with the number left out since', async (t) => {
  let now = 1_000_000
  const lines: unknown[] = []
  const logger = fastify().log
  logger.error = (line: unknown) => lines.push(line)
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
