import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { type CreateReporterOptions, createReporter } from '../../src/reporter/create-reporter.ts'
import type { Reporter, ReporterStats, ReporterTrouble } from '../../src/reporter/reporter.ts'
import { ScriptedSink } from './scripted-sink.ts'

function request(i: number): RequestEvent {
  return {
    kind: 'request',
    timeMs: 1_700_000_000_000,
    direction: 'inbound',
    destination: { name: 'web' },
    path: `/${i}`,
    status: 200,
    latencyMicros: 1500,
  }
}

function pathsTo(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `/${i}`)
}

/** Every event is somewhere, once. */
function balance(t: Test, stats: ReporterStats): void {
  const { reported, sent, refused, dropped, pending, spool } = stats
  const gone = Object.values(dropped).reduce((sum, count) => sum + count, 0) + spool!.lost.full
  t.equal(sent + refused + gone + pending + spool!.events, reported + spool!.recovered, JSON.stringify(stats))
}

async function rig(t: Test, sink: ScriptedSink, options: Partial<CreateReporterOptions> = {}) {
  const troubles: ReporterTrouble[] = []
  const reporter = await createReporter({
    sink,
    spool: { directory: join(t.testdirName, 'spool'), isSynced: false },
    batchEvents: 10,
    queuedBatches: 4,
    backoffMs: 1,
    maxBackoffMs: 5,
    onTrouble: (trouble) => troubles.push(trouble),
    ...options,
  })
  t.teardown(() => reporter.close())
  return { reporter, troubles }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Reports and waits until it is kept, for more than memory holds. */
async function reportAll(reporter: Reporter, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    reporter.report(request(i))
    if (i % 20 === 19) await reporter.flush()
  }
  await reporter.flush()
}

t.test('while the sink is away events go to the spool, and then all arrive once and in order', async (t) => {
  t.testdir()
  const sink = new ScriptedSink('away')
  const { reporter, troubles } = await rig(t, sink)
  await reportAll(reporter, 0, 500)
  t.match(reporter.stats, { sent: 0, pending: 0, queuedBatches: 0, spool: { events: 500 } })
  t.match(troubles[0], { kind: 'unavailable', message: /^cannot send events to the sink.*: away$/ })
  balance(t, reporter.stats)
  sink.state = 'up'
  await reportAll(reporter, 500, 700)
  await until(() => reporter.stats.sent === 700)
  t.same(sink.paths, pathsTo(700))
  t.same(
    sink.accepted.map(({ sequence }) => sequence),
    sink.accepted.map((_, i) => i + 1),
  )
  balance(t, reporter.stats)
})

t.test('when the spool is empty again, batches do not touch the disk', async (t) => {
  t.testdir()
  const sink = new ScriptedSink('away')
  const { reporter } = await rig(t, sink)
  await reportAll(reporter, 0, 20)
  sink.state = 'up'
  let most = 0
  let i = 20
  // A batch that came before the spool was found empty goes there too; one that is flushed when it is sent did not.
  do {
    reporter.report(request(i++))
    await reporter.flush()
  } while (reporter.stats.sent < i)
  for (const end = i + 200; i < end; i++) {
    reporter.report(request(i))
    if (i % 10 === 9) await reporter.flush()
    most = Math.max(most, reporter.stats.spool!.bytes)
  }
  await reporter.flush()
  t.equal(most, 0)
  t.same(sink.paths, pathsTo(i))
})

t.test('a sink that hangs does not hold up more than memory has room for', async (t) => {
  t.testdir()
  const sink = new ScriptedSink('hanging')
  const { reporter } = await rig(t, sink)
  for (let i = 0; i < 40; i++) reporter.report(request(i))
  await reporter.flush()
  t.match(reporter.stats, { pending: 0, spool: { events: 40 } })
  const closed = reporter.close()
  t.equal(reporter.close(), closed)
  await closed
  t.match(reporter.stats, { dropped: { unsent: 0 }, spool: { events: 40 } })
  t.ok(sink.isClosed)
  balance(t, reporter.stats)
})

t.test('what close cannot send is sent by the next life, under its number, before what is new', async (t) => {
  t.testdir()
  const first = await rig(t, new ScriptedSink('hanging'), { closeMs: 20, producer: 'life-1' })
  for (let i = 0; i < 25; i++) first.reporter.report(request(i))
  await first.reporter.close()
  balance(t, first.reporter.stats)
  const sink = new ScriptedSink('up')
  const { reporter } = await rig(t, sink, { producer: 'life-2' })
  t.equal(reporter.stats.spool?.recovered, 25)
  for (let i = 25; i < 35; i++) reporter.report(request(i))
  await until(() => sink.paths.length === 35)
  t.same(sink.paths, pathsTo(35))
  t.same(
    sink.accepted.map(({ producer, sequence }) => `${producer} ${sequence}`),
    ['life-1 1', 'life-1 2', 'life-1 3', 'life-2 1'],
  )
  await until(() => reporter.stats.sent === 35)
  balance(t, reporter.stats)
})

t.test('a full spool loses its oldest events, counted and told', async (t) => {
  t.testdir()
  const { reporter, troubles } = await rig(t, new ScriptedSink('away'), {
    spool: { directory: join(t.testdirName, 'spool'), maxBytes: 2 ** 20, isSynced: false },
    batchEvents: 2000,
  })
  for (let i = 0; i < 120_000; i++) {
    reporter.report(request(i))
    if (i % 4000 === 0) await reporter.flush()
  }
  await reporter.flush()
  const { spool } = reporter.stats
  t.ok(spool!.lost.full > 0 && spool!.bytes <= 2 ** 20)
  t.ok(troubles.some(({ kind }) => kind === 'spool-full'))
  balance(t, reporter.stats)
})

t.test('a spool that cannot be written to is told, and events stay in memory', async (t) => {
  t.testdir()
  const sink = new ScriptedSink('away')
  const { reporter, troubles } = await rig(t, sink)
  const directory = join(t.testdirName, 'spool')
  // The next file's name is taken, which not even root gets around.
  for (let i = 1; i < 2000; i++) mkdirSync(join(directory, `${String(i).padStart(12, '0')}.spool`))
  for (let i = 0; i < 20; i++) reporter.report(request(i))
  await until(() => troubles.some(({ kind }) => kind === 'spool-failed'))
  sink.state = 'up'
  await reporter.flush()
  t.same(sink.paths, pathsTo(20))
  balance(t, reporter.stats)
})

t.test('a reporter has an ingest or a sink, and a directory that can be made', async (t) => {
  const directory = t.testdir({ file: '' })
  const sink = new ScriptedSink('up')
  await t.rejects(createReporter({}), { name: 'TypeError', message: /needs either/ })
  await t.rejects(createReporter({ sink, ingestUrl: 'http://127.0.0.1:4318' }), TypeError)
  await t.rejects(createReporter({ sink, producer: '' }), RangeError)
  await t.rejects(createReporter({ sink, spool: { directory: join(directory, 'file') } }), { code: 'EEXIST' })
  const spool = { directory: join(directory, 'spool') }
  await t.rejects(createReporter({ sink, spool, flushMs: 0 }), RangeError)
  const reporter = await createReporter({ sink, spool })
  await reporter.close()
  t.pass('the directory was let go')
})
