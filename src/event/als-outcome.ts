import type { Dictionary } from './dictionary.ts'
import { type AlsEntry, TEXT } from './als-entry.ts'
import { MAX_STATUS } from './limits.ts'
import { decimalAt, isText } from './otlp-bytes.ts'

/** Envoy's short names of response flags by their field's number. */
// prettier-ignore
const FLAG_NAMES = [
  '', 'LH', 'UH', 'UT', 'LR', 'UR', 'UF', 'UC', 'UO', 'NR', 'DI', 'FI', 'RL', 'UAEX', 'RLSE', 'DC', 'URX', 'SI', 'IH',
  'DPE', 'UMSDR', 'RFCF', 'NFCF', 'DT', 'UPE', 'NC', 'OM', 'DF', 'DR',
]

/** Flags of streams that were reset: LR, UR, UC, DC and DR. */
const RESETS = (1 << 4) | (1 << 5) | (1 << 7) | (1 << 15) | (1 << 28)

const VIA_UPSTREAM = new TextEncoder().encode('via_upstream')

/** Longest reason that is made of a response's details, bytes. */
const MAX_REASON = 64

/** Makes outcomes of entries. */
export class AlsOutcomes {
  #lastFlags = 0
  #lastText = ''

  /** Outcome id of the entry. */
  outcomeOf(entry: AlsEntry, bytes: Uint8Array, dictionary: Dictionary): number {
    const status = entry.status > 0 && entry.status <= MAX_STATUS ? entry.status : -1
    const grpcStatus = grpcStatusOf(entry, bytes)
    // Where Envoy answered in the upstream's place, its status says that it failed.
    const isReset = status < 0 || (status < 500 && (entry.flags & RESETS) !== 0)
    const reason =
      entry.flags === 0
        ? reasonOfDetails(entry, bytes, isReset || status >= 400)
        : dictionary.symbols.intern(this.#flagsText(entry.flags))
    return dictionary.outcome(status, grpcStatus, isReset, reason)
  }

  /** As Envoy writes them: `UF,URX`. */
  #flagsText(flags: number): string {
    if (flags !== this.#lastFlags) {
      this.#lastFlags = flags
      this.#lastText = FLAG_NAMES.filter((_, number) => (flags >>> number) & 1).join(',')
    }
    return this.#lastText
  }
}

/** Whether the response's details say more than that the upstream gave it. */
export function hasDetails(entry: AlsEntry, bytes: Uint8Array): boolean {
  return (
    entry.has(TEXT.codeDetails) &&
    !isText(bytes, entry.starts[TEXT.codeDetails]!, entry.ends[TEXT.codeDetails]!, VIA_UPSTREAM)
  )
}

/**
 * The first word of the details, `rbac_access_denied_matched_policy` of `rbac_access_denied_matched_policy[none]`: what is
 * in brackets has no bound.
 */
function reasonOfDetails(entry: AlsEntry, bytes: Uint8Array, isFailure: boolean): number {
  if (!isFailure || !hasDetails(entry, bytes)) return 0
  const start = entry.starts[TEXT.codeDetails]!
  const limit = Math.min(entry.ends[TEXT.codeDetails]!, start + MAX_REASON)
  let end = start
  while (end < limit && isWordByte(bytes[end]!)) end++
  return entry.intern(start, end)
}

function isWordByte(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === 0x2e
}

/** Trailers go before headers: an answer of trailers alone has it in its headers. */
function grpcStatusOf(entry: AlsEntry, bytes: Uint8Array): number {
  const text = entry.has(TEXT.grpcTrailer) ? TEXT.grpcTrailer : TEXT.grpcHeader
  const status = decimalAt(bytes, entry.starts[text]!, entry.ends[text]!)
  return status <= MAX_STATUS ? status : -1
}
