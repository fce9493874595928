import { Dictionary } from '../../src/event/dictionary.ts'
import { DecodeError } from '../../src/event/decode-error.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { addEvent } from '../../src/event/event-objects.ts'
import type { MeshEvent } from '../../src/event/event.ts'

export function emptyColumns(): EventColumns {
  return new EventColumns(new Dictionary())
}

export function columnsOf(events: readonly MeshEvent[]): EventColumns {
  const columns = emptyColumns()
  for (const event of events) addEvent(columns, event)
  return columns
}

/** The error of `decode` as one line, `reason place: message`; `none` where there is none. */
export function faultOf(decode: () => void): string {
  try {
    decode()
    return 'none'
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return `${error.fault.reason} ${error.message}`
  }
}
