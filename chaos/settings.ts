import { parseArgs } from 'node:util'

export interface ChaosSettings {
  readonly seed: number
  readonly faults: number
  /** Time between the beginnings of two faults, on average. */
  readonly everyMs: number
  /** Events a second. */
  readonly rate: number
  readonly aggregators: number
  /** How long Redis is not there at the end; Kafka half as long. 0: no outages. */
  readonly outageSeconds: number
  /** Where data and logs go; a directory of its own where none is given. */
  readonly directory: string | undefined
  readonly isHelp: boolean
}

export const USAGE = `npm run chaos -- [--seed N] [--faults 55] [--every 9] [--rate 24000] [--aggregators 3]\n                     [--outage 60] [--directory PATH]
  --seed         of events and faults; a random one where none is given
  --faults       how many
  --every        seconds between the beginnings of two faults, on average
  --rate         events a second
  --aggregators  at first; faults add and remove some
  --outage       seconds that Redis is gone after the faults, and half of them Kafka; 0 for no outages
  --directory    for data and logs, kept; by default one under the system's, which is removed when all is well
`

/** Throws a RangeError, or parseArgs' TypeError, for what cannot be taken. */
export function chaosSettings(args: readonly string[]): ChaosSettings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      faults: { type: 'string', default: '55' },
      every: { type: 'string', default: '9' },
      rate: { type: 'string', default: '24000' },
      aggregators: { type: 'string', default: '3' },
      outage: { type: 'string', default: '60' },
      directory: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    seed: number('seed', values.seed, 0),
    faults: number('faults', values.faults, 0),
    everyMs: 1000 * number('every', values.every, 0.1),
    rate: number('rate', values.rate, 1),
    aggregators: number('aggregators', values.aggregators, 1),
    outageSeconds: number('outage', values.outage, 0),
    directory: values.directory,
    isHelp: values.help,
  }
}

function number(name: string, text: string, least: number): number {
  const value = Number(text)
  if (text !== '' && value >= least) return value
  throw new RangeError(`--${name} is ${JSON.stringify(text)}; give a number of at least ${least}`)
}
