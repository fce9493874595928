/** Differences that are kept to be shown; the others are counted. */
const MOST_SHOWN = 20

/** What a comparison with the truth came to. */
export class Verdict {
  /** Requests that the totals lack, and that they have too many. */
  lost = 0
  doubled = 0
  /** Series compared, in the totals and in each bucket; and rows and points of answers. */
  compared = 0
  /** Batches that meshtap dropped because it had counted them. */
  duplicatesDropped = 0
  lateEvents = 0
  differences = 0
  readonly shown: string[] = []

  differ(text: string): void {
    this.differences++
    if (this.shown.length < MOST_SHOWN) this.shown.push(text)
  }

  equal(what: string, got: unknown, wanted: unknown): void {
    this.compared++
    if (got !== wanted) this.differ(`${what}: ${String(got)}, truth ${String(wanted)}`)
  }

  get isGood(): boolean {
    return this.differences === 0 && this.lost === 0 && this.doubled === 0
  }
}
