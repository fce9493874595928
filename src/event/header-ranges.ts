/** Whose header it is. */
export const REQUEST_SIDE = 0
export const RESPONSE_SIDE = 1

/** Numbers that a header takes in `HeaderRanges.places`: side, start and end of its name, start and end of its value. */
export const HEADER_STRIDE = 5

/** Where the headers of one event are in a message, as numbers: used again for each event. */
export class HeaderRanges {
  places = new Int32Array(16 * HEADER_STRIDE)
  count = 0

  add(side: number, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const at = this.count * HEADER_STRIDE
    if (at === this.places.length) {
      const places = new Int32Array(this.places.length * 2)
      places.set(this.places)
      this.places = places
    }
    this.places[at] = side
    this.places[at + 1] = nameStart
    this.places[at + 2] = nameEnd
    this.places[at + 3] = valueStart
    this.places[at + 4] = valueEnd
    this.count++
  }
}
