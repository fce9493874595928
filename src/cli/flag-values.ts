import { InvalidArgumentError } from 'commander'
import { mappingFile } from '../config/event-settings.ts'
import { duration, wholeNumber } from '../config/value-types.ts'

/** Reads a flag's value, and turns what is out of its bounds into a usage error. */
function flag<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(`It ${error.message}.`)
      throw error
    }
  }
}

export function wholeNumberFlag(min: number, max: number): (text: string) => number {
  return flag(wholeNumber({ min, max }).parse)
}

/** A mapping by its name, or a file: its path. */
export const mappingFlag = flag(mappingFile.parse)

/** A duration such as `30s`, in milliseconds. */
export function durationFlag(min: number, max: number): (text: string) => number {
  return flag(duration({ min, max }).parse)
}

/** A number, possibly with decimals. */
export function rateFlag(min: number, max: number): (text: string) => number {
  return flag((text) => {
    const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new RangeError(`must be a number from ${min} to ${max}`)
  })
}
