import t from 'tap'
import { CliError } from '../../../src/cli/cli-error.ts'
import type { Message } from '../../../src/cli/push/messages.ts'
import { pacedBatch, paceMs } from '../../../src/cli/push/pace.ts'
import { ProgressBar, progressLine } from '../../../src/cli/push/progress.ts'
import { Sender } from '../../../src/cli/push/sender.ts'
import type { IngestAnswer } from '../../../src/reporter/ingest-client.ts'

const ACCEPTED: IngestAnswer = { kind: 'accepted' }
const AWAY: IngestAnswer = { kind: 'unavailable', why: 'connect ECONNREFUSED' }
const MESSAGE: Message = { bytes: Uint8Array.of(1, 2, 3), count: 1 }

/** A sender whose ingest gives these answers, and whose time passes only while it sleeps. */
function sender(answers: readonly IngestAnswer[], retryForMs: number) {
  const posted: Message[] = []
  const slept: number[] = []
  const retries: string[] = []
  let nowMs = 0
  const stop = new AbortController()
  return {
    posted,
    slept,
    retries,
    stop,
    sender: new Sender({
      post: async (message) => {
        posted.push(message)
        return answers[Math.min(posted.length, answers.length) - 1]!
      },
      url: 'http://ingest/v1/events',
      denied: (why) => new CliError('TOKEN_REFUSED', why),
      retryForMs,
      now: () => nowMs,
      sleep: async (ms) => {
        slept.push(ms)
        nowMs += ms
      },
      random: () => 1,
      onRetry: (why) => retries.push(why),
    }),
  }
}

t.test('a message is sent again, as it was, until it is taken', async (t) => {
  const { sender: sending, posted, slept, retries, stop } = sender([AWAY, AWAY, AWAY, ACCEPTED], 60_000)
  t.equal(await sending.send(MESSAGE, stop.signal), 'sent')
  t.strictSame(posted, [MESSAGE, MESSAGE, MESSAGE, MESSAGE])
  t.strictSame(slept, [100, 200, 400])
  t.equal(retries.length, 3)
})

t.test('waits double up to their limit, and are as long as the ingest asks for', async (t) => {
  const asks: IngestAnswer = { kind: 'unavailable', why: '429', afterMs: 3000 }
  const {
    sender: sending,
    slept,
    stop,
  } = sender([asks, ...Array.from({ length: 8 }, () => AWAY), ACCEPTED], 600_000)
  await sending.send(MESSAGE, stop.signal)
  t.strictSame(slept, [3000, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
})

t.test('it gives up in time, and says what to do', async (t) => {
  const { sender: sending, slept, stop } = sender([AWAY], 1000)
  await t.rejects(sending.send(MESSAGE, stop.signal), {
    code: 'INGEST_UNREACHABLE',
    message:
      'cannot push to http://ingest/v1/events for 1 s: connect ECONNREFUSED. Is "meshtap serve" running there? ' +
      'Another address is given with --ingest or MESHTAP_INGEST, another time with --retry-for',
  })
  t.strictSame(slept, [100, 200, 400])
  const impatient = sender([AWAY, ACCEPTED], 0)
  await t.rejects(impatient.sender.send(MESSAGE, stop.signal), { code: 'INGEST_UNREACHABLE' })
  t.equal(impatient.posted.length, 1)
})

t.test('what is denied is not sent again, as the token must be mended', async (t) => {
  const { sender: sending, posted, stop } = sender([{ kind: 'denied', why: '401 who?' }], 60_000)
  await t.rejects(sending.send(MESSAGE, stop.signal), { code: 'TOKEN_REFUSED', message: '401 who?' })
  t.equal(posted.length, 1)
})

t.test('what is refused is not sent again', async (t) => {
  const { sender: sending, posted, stop } = sender([{ kind: 'refused', why: '400 byte 7: nonsense' }], 60_000)
  await t.rejects(sending.send(MESSAGE, stop.signal), {
    code: 'INGEST_REFUSED',
    message: 'http://ingest/v1/events refuses a message of 3 bytes: 400 byte 7: nonsense',
  })
  t.equal(posted.length, 1)
})

t.test('it stops between two tries', async (t) => {
  const { sender: sending, posted, stop, retries } = sender([AWAY], 60_000)
  const push = retries.push.bind(retries)
  retries.push = (...why) => {
    stop.abort()
    return push(...why)
  }
  t.equal(await sending.send(MESSAGE, stop.signal), 'stopped')
  t.equal(posted.length, 1)
})

t.test('a rate is kept over the time since the start, in even batches', async (t) => {
  t.equal(paceMs(500, 0, 1000), 500)
  t.equal(paceMs(500, 200, 1000), 300)
  t.equal(paceMs(500, 700, 1000), 0)
  t.equal(pacedBatch(500, undefined), 500)
  t.equal(pacedBatch(500, 1000), 250)
  t.equal(pacedBatch(500, 100_000), 500)
  t.equal(pacedBatch(500, 1), 1)
  t.equal(pacedBatch(500, 0.1), 1)
})

const PROGRESS = {
  name: 'events.ndjson',
  bytes: 420,
  size: 1000,
  sent: 1_234_567,
  unit: 'events',
  elapsedMs: 10_000,
  trouble: undefined,
}

t.test('progress is a bar where the size is known, and fits the terminal', async (t) => {
  t.equal(
    progressLine(PROGRESS, 120),
    'events.ndjson  [##########..............]  42%  1,234,567 events  123,457/s',
  )
  t.equal(progressLine({ ...PROGRESS, size: undefined }, 120), 'events.ndjson  1,234,567 events  123,457/s')
  t.equal(progressLine({ ...PROGRESS, size: 0, elapsedMs: 10 }, 120), 'events.ndjson  1,234,567 events')
  t.match(
    progressLine({ ...PROGRESS, trouble: 'connect ECONNREFUSED' }, 120),
    / {2}again: connect ECONNREFUSED$/,
  )
  t.equal(progressLine(PROGRESS, 20), 'events.ndjson  [###…')
})

t.test('the bar is drawn only so often, over itself, and leaves nothing behind', async (t) => {
  let text = ''
  let nowMs = 1000
  const stream = { columns: 80, write: (part: string) => (text += part) !== '' }
  const bar = new ProgressBar(stream as never, () => nowMs)
  bar.show(() => PROGRESS)
  bar.show(() => PROGRESS)
  t.equal(text.split('\r').length, 2)
  nowMs += 100
  bar.show(() => ({ ...PROGRESS, sent: 7 }))
  t.match(text, /7 events/)
  bar.clear()
  t.ok(text.endsWith('\r\u001b[K'))
  text = ''
  bar.clear()
  const none = new ProgressBar(undefined, () => nowMs)
  none.show(() => {
    t.fail('nobody looks')
    return PROGRESS
  })
  none.clear()
  t.equal(text, '')
})
