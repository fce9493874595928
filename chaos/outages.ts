import type { Course } from './chaos.ts'
import { type IngestAnswers, postOf } from './http-send.ts'
import type { Journal } from './journal.ts'
import { pause } from './numbered-producer.ts'
import type { System } from './system.ts'

/** How something is not there: nothing listens, or nothing answers. */
export type Absence = 'killed' | 'paused'

/** A question that cannot be answered must be told so within this time. */
const ANSWER_WITHIN_MS = 15_000

/** After the end of an outage all must be as before within this time. */
const BACK_WITHIN_MS = 60_000

/** Longer than ingest lets a batch wait for Kafka. */
const QUIET_MS = 6_000

export interface OutageOptions {
  readonly system: System
  readonly journal: Journal
  readonly absence: Absence
  readonly seconds: number
}

/**
 * Redis is not there for a while: queries answer 503 and say why, ingest goes on, and workers keep what they have and
 * where they were.
 */
export async function redisOutage(options: OutageOptions, { answers, verdict }: Course): Promise<void> {
  const { system, journal, absence, seconds } = options
  await withoutRefusals(answers)
  const pids = system.aggregators.map(({ pid }) => pid)
  const acknowledgedBefore = answers.acknowledged
  const refusedBefore = refusalsOf(answers.refusals)
  journal.say(`outage     Redis is ${absence} for ${seconds} s`)
  const back = await absent(system.redis, absence)
  const end = Date.now() + 1000 * seconds
  const statuses = new Set<string>()
  for (; Date.now() < end; await pause(500)) {
    const { status, body, tookMs } = await ask(`${system.gatewayUrl}/api/v1/stat?resource=namespace`)
    const reason = /"detail":"[^"]{10,}/.test(body) ? 'with a reason' : 'without a reason'
    const time = tookMs <= ANSWER_WITHIN_MS ? 'in time' : `after ${tookMs} ms`
    statuses.add(`${status} ${reason}, ${time}`)
  }
  verdict.equal('answers without Redis', [...statuses].join('; '), '503 with a reason, in time')
  const acknowledged = answers.acknowledged - acknowledgedBefore
  journal.say(`           ingest acknowledged ${acknowledged} batches meanwhile`)
  if (acknowledged < seconds)
    verdict.differ(`without Redis, ingest acknowledged only ${acknowledged} batches`)
  verdict.equal('refusals by ingest without Redis', refusalsOf(answers.refusals) - refusedBefore, 0)
  await back()
  await answersAgain(`${system.gatewayUrl}/api/v1/stat?resource=namespace`)
  await Promise.all(system.aggregators.map((role) => role.ready(BACK_WITHIN_MS)))
  journal.say('           Redis is back, queries are answered')
  const now = system.aggregators.map((role) => (role.isRunning ? role.pid : 0))
  verdict.equal('processes of aggregators after Redis was gone', now.join(), pids.join())
}

/** Kafka is not there for a while: ingest answers 503 and when to come again; queries are answered on. */
export async function kafkaOutage(options: OutageOptions, { load, answers, verdict }: Course): Promise<void> {
  const { system, journal, absence, seconds } = options
  journal.say(`outage     Kafka is ${absence} for ${seconds} s`)
  const back = await absent(system.kafka, absence)
  const end = Date.now() + 1000 * seconds
  const statuses = new Set<string>()
  const queries = new Set<number>()
  const refusedBefore = answers.refusals.get(503) ?? 0
  // Always the same, which counts once however often it is sent.
  const probe = postOf(load.probe(), 'batch')
  for (; Date.now() < end; await pause(500)) {
    const { status, body, retryAfter, tookMs } = await ask(`${system.ingestUrl}/v1/events`, probe)
    const again = retryAfter === null ? 'without retry-after' : 'with retry-after'
    const time = tookMs <= ANSWER_WITHIN_MS ? 'in time' : `after ${tookMs} ms`
    statuses.add(`${status} ${again}, ${time}${status === 503 ? '' : `: ${body.slice(0, 200)}`}`)
    queries.add((await ask(`${system.gatewayUrl}/api/v1/stat?resource=namespace`)).status)
  }
  verdict.equal('answers of ingest without Kafka', [...statuses].join('; '), '503 with retry-after, in time')
  verdict.equal('answers to queries without Kafka', [...queries].join(), '200')
  journal.say(
    `           ingest refused ${(answers.refusals.get(503) ?? 0) - refusedBefore} batches meanwhile`,
  )
  await back()
  await answersAgain(`${system.ingestUrl}/v1/events`, probe)
  journal.say('           Kafka is back, ingest takes events')
}

/** Resolves when what an earlier fault of Kafka left waiting in ingest is taken or refused, so that no refusal is of that. */
async function withoutRefusals({ refusals }: IngestAnswers): Promise<void> {
  let last = refusalsOf(refusals)
  const end = Date.now() + BACK_WITHIN_MS
  for (let since = Date.now(); Date.now() < since + QUIET_MS; await pause(100)) {
    if (Date.now() > end)
      throw new Error(`ingest still refuses events ${BACK_WITHIN_MS} ms after all is back`)
    if (refusalsOf(refusals) === last) continue
    last = refusalsOf(refusals)
    since = Date.now()
  }
}

/** Takes a server away; answers what brings it back. */
async function absent(
  server: System['redis'] | System['kafka'],
  absence: Absence,
): Promise<() => Promise<void>> {
  if (absence === 'paused') {
    server.pause()
    return async () => server.resume()
  }
  await server.kill()
  return () => server.start()
}

function refusalsOf(refusals: ReadonlyMap<number, number>): number {
  return [...refusals.values()].reduce((sum, times) => sum + times, 0)
}

async function answersAgain(url: string, init: RequestInit = {}): Promise<void> {
  for (const end = Date.now() + BACK_WITHIN_MS; (await ask(url, init)).status !== 200; await pause(100)) {
    if (Date.now() > end) throw new Error(`${url} is not answered ${BACK_WITHIN_MS} ms after all is back`)
  }
}

async function ask(
  url: string,
  init: RequestInit = {},
): Promise<{
  readonly status: number
  readonly body: string
  readonly retryAfter: string | null
  readonly tookMs: number
}> {
  const begun = Date.now()
  const signal = AbortSignal.timeout(2 * ANSWER_WITHIN_MS)
  try {
    const response = await fetch(url, { ...init, signal })
    const body = await response.text()
    return {
      status: response.status,
      body,
      retryAfter: response.headers.get('retry-after'),
      tookMs: Date.now() - begun,
    }
  } catch (error) {
    return { status: 0, body: String(error), retryAfter: null, tookMs: Date.now() - begun }
  }
}
