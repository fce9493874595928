import type { ChaosResult } from './chaos.ts'

/** What a run came to, for people. */
export function reportOf(result: ChaosResult, seed: number): string {
  const { verdict, faults, load, answers, watcher, tap } = result
  const total = [...faults.values()].reduce((sum, times) => sum + times, 0)
  const refused = [...answers.refusals].map(([status, times]) => `${status}: ${times}`).join(', ')
  const lines: [string, string | number][] = [
    ['seed', seed],
    ['faults', total],
    ...[...faults].map(([kind, times]): [string, number] => [`  ${kind}`, times]),
    ['events', `${load.events} (${Math.round(result.rate)} a second)`],
    ['batches', load.batches],
    ['  retries', load.retries],
    ['  sent twice', load.duplicates],
    ['  reordered', load.reordered],
    ['  dropped as duplicates', verdict.duplicatesDropped],
    ['refusals by ingest', refused || 'none'],
    ['commits refused', result.refusedCommits],
    ['store found moved', result.rewinds],
    ['answers while it ran', `${watcher.answers}, 503: ${watcher.unavailable}, none: ${watcher.silent}`],
    ['taps while it ran', `${tap.sessions} sessions, ${tap.frames} frames, ${tap.events} events`],
    ['late events', verdict.lateEvents],
    ['compared', verdict.compared],
    ['differences', verdict.differences],
    ['lost', verdict.lost],
    ['doubled', verdict.doubled],
    ['seconds', Math.round(result.seconds)],
  ]
  const text = lines.map(([name, value]) => `${name.padEnd(26)}${value}`).join('\n')
  const shown = verdict.shown.map((line) => `  ${line}`).join('\n')
  return verdict.isGood
    ? `${text}\n`
    : `${text}\n\nThe first differences:\n${shown}\n\nAgain: npm run chaos -- --seed ${seed}\n`
}
